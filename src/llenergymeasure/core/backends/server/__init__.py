"""Measures any server of the OpenAI interface, which it is given or which it starts."""
