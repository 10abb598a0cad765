"""What is trained: each objective knows its networks, its data and its loss, and nothing of the loop."""
