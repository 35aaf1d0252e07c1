"""What was found: frozen types only."""
