"""What stands behind the public names and the command line; each module imports only what its answer needs."""
