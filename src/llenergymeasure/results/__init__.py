"""Saving, reading, combining and reporting results."""
