"""The prompts of an experiment: built in, from a JSONL file, or random tokens."""
