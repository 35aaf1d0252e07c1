"""Benchmarks of the costs of this tool, as ratios within one run: `python -m benchmarks [NAME ...]`."""
