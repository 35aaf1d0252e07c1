"""Plans for a dry run: what would be measured, without running it."""
