"""One `generate` call: its effective settings, the time of each step, and the end of each row."""
