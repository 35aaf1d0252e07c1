"""The implementation of the public names and of the command line. Each module imports only what it needs."""
