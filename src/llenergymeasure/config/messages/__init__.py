"""Messages about a wrong configuration: where, what, and what was probably meant."""
