"""Choices between cells: the efficient ones, the best inside limits, and the best traffic."""
