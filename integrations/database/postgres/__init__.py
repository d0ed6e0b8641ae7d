"""Django's PostgreSQL, whose every wait ends."""
