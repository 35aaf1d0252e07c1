"""Reports of a run: terminal, JSON, GitHub, dry run."""
