"""Several experiments, one after another."""
