"""What models exist and how one component of them is built."""
