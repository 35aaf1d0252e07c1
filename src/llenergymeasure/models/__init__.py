"""Model architectures that come with the package, without weights."""
