"""Messages about errors in a configuration: location, problem and suggestion."""
