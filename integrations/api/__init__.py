"""The read API, version 1: other programs ask, nothing is ever written."""
