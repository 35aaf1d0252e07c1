"""Combines the results of the processes that measured one experiment in parallel."""
