"""The data of a study: its design, its runs, the effects of its factors, and the result as a whole."""
