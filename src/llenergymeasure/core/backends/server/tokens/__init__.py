"""The tokenizer of a server's model: from a file on this machine, or the server's own."""
