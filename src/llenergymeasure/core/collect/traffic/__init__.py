"""The window of a server under traffic: checks of its records, and the block `traffic`."""
