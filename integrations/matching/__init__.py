"""Matching organizations to companies: pure Python, no Django, no clock, no network."""
