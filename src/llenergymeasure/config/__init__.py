"""The configuration of experiments, studies and the user: models, loading and checks."""
