"""Statistics of repeats, sessions and comparisons."""
