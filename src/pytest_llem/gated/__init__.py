"""Windows around any code with a gate: baseline and verdict as an experiment has them."""
