"""FLOPs of generation: by the PaLM rule, and from the architecture."""
