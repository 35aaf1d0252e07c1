"""Sampling the GPUs beside an experiment: power, temperature, clocks and processes over time."""
