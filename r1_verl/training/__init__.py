"""Starting and resuming runs, stages, the quickstart's small model."""
