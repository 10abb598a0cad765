"""What leaves the program, and what comes back in."""
