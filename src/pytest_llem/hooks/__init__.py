"""Hooks that are registered only with `--llem`, each class with one purpose."""
