"""Backends and meters of other packages: their entry points, and what a configuration may request of them."""
