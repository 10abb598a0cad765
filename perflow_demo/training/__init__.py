"""Training: data, objectives, the loop; needs requirements-dev.txt."""
