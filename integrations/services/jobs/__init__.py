"""Background work: claimed, watched, listed."""
