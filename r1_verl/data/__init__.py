"""Data: raw source -> Example -> Parquet row."""
