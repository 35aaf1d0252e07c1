"""Counts the parameters of a loaded model, and those that process a token."""
