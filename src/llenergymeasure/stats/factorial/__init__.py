"""Factorial experiments in blocks: least squares, tests, shares and power. All values are natural logs of a metric.

Most of these modules import numpy and scipy, so callers import them late.
"""
