"""How many parameters a loaded model has, and how many a token meets."""
