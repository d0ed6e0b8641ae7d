"""Files that come in: organizations, mappings, configurations, and their reports."""
