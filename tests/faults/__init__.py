"""Faults that a running portal lives through; ``python -m tests.faults`` makes docs/faults.md."""
