"""Reports on runs, for people."""
