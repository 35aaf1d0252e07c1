"""How one experiment is measured; prints nothing, writes nothing."""
