"""One run: its prompts, the stamps of its tokens, and the records of its requests."""
