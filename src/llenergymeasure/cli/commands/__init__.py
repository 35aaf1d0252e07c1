"""The commands of `llem`."""
