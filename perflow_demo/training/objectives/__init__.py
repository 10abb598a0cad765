"""What is trained: an objective knows its networks, data and loss, and nothing of the loop."""
