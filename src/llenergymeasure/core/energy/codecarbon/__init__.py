"""The CodeCarbon meter."""
