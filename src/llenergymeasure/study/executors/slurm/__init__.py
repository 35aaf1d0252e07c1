"""The executor for Slurm: a job array with one element per cycle."""
