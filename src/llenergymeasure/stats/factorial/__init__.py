"""Factorial experiments in blocks: least squares, tests, shares and power. All values are natural logs of a metric.

These modules import numpy and scipy when they are imported, so callers import them late.
"""
