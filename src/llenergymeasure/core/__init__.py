"""The measurement of one experiment. This package prints nothing and writes no files."""
