"""Which company each organization probably is, and what people decided."""
