"""Collectors: each turns the measured window into one block of the result."""
