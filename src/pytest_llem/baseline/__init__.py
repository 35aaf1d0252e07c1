"""Committed baselines: their content, and how they are read, looked up and changed."""
