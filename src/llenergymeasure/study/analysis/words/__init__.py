"""The answer of a study in one or two sentences."""
