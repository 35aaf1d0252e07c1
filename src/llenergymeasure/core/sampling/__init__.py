"""Samples the GPUs during an experiment: power, temperature, clocks and processes over time."""
