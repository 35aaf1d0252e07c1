"""Studies: the run table, the runs in fresh processes, the folder, and the analysis."""
