"""Committed baselines: what they hold, how they are read, looked up and changed."""
