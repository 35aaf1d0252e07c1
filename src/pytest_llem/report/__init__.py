"""The reports of a run: terminal, JSON, GitHub and dry run."""
