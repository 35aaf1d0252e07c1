"""Measuring in this process, in a fresh one, or in several."""
