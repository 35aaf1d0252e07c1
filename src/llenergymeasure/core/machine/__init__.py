"""Clock and environment of the machine."""
