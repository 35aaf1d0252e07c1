"""Hooks that are registered only where an option needs them, each class with one purpose."""
