"""The processes of a server on this machine: its start, its end, its CPU time and its GPUs."""
