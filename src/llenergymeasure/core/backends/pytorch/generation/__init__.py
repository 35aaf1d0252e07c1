"""One `generate` call: the settings it really uses, the time of each step, and where each row ends."""
