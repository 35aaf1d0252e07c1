"""The machine: its clock and its environment."""
