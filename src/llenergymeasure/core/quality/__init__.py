"""The quality of a measurement: warnings, publication rules and reproducibility notes."""
