"""The files of a model on this machine."""
