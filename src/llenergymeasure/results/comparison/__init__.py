"""Compares stored results and studies: ratios with intervals, and what differs between them."""
