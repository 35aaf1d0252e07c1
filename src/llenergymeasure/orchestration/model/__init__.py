"""Checks a model before it is loaded: its files, the hub, its memory."""
