"""The state of running experiments on disk, also readable after a process was killed."""
