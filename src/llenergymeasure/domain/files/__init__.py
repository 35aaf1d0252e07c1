"""A result as files: JSON, Parquet, folders and reports."""
