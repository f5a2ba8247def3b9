"""Models of the hub: what a repository must hold, and fetching it once."""
