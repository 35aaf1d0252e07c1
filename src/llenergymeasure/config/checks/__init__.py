"""Checks of settings that do not go together, and of what passes through to a backend."""
