"""Where an experiment stands, on disk, for whoever looks while it runs or after it was killed."""
