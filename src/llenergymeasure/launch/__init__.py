"""Opens experiments in this process or in child processes."""
