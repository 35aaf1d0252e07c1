"""The sections of the inference backends: every field defaults to None, and only explicit choices enter the hash."""
