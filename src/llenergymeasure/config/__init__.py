"""What the user asks for: models, loading, checks."""
