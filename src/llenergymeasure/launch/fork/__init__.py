"""A server that has imported the library of a backend and forks one process per run."""
