"""Configurations: connected, described, scheduled, deleted."""
