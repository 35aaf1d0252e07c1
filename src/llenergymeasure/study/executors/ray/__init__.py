"""Studies on a Ray cluster: an actor per cycle."""
