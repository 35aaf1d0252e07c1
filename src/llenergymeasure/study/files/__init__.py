"""The folder of a study: run table, journal and results, and how a study is continued in it."""
