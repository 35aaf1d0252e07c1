"""The analysis of a study: how each metric depends on the factors, and the answer in one or two sentences."""
