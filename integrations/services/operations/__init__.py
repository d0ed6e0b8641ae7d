"""What operators need: health, figures, keys, clearing away."""
