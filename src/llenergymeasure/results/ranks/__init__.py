"""Combining the results of the processes that measured one experiment side by side."""
