"""Energy meters behind one protocol."""
