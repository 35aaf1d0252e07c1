"""Everything between a configuration and a measurement: checks and wiring."""
