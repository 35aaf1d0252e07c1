"""Experiments as tests, energy regressions as failures: the pytest plugin of llenergymeasure."""
