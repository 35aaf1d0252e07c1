"""From a configuration to a measurement: chooses the parts and checks them."""
