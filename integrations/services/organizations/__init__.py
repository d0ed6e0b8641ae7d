"""Our organizations: listed, edited, merged."""
