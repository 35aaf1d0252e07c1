"""The server and its traffic in a result: their data, and their text."""
