"""Verdicts: how they are found, what they mean and how they are worded."""
