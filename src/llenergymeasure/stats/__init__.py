"""Statistics of samples, repeats, sessions and comparisons."""
