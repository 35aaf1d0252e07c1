"""The types of results; all are frozen."""
