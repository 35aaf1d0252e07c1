"""Verdicts: what is judged, what it means, and how it is said."""
