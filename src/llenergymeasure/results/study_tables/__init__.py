"""Tables of a study: one row per run as CSV and Parquet; cells, factors and levels as LaTeX and Markdown."""
