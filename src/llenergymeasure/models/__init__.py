"""Models that are included in this package or in optional packages."""
