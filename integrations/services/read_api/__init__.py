"""What other programs may read, and their tokens."""
