"""Lists and facets of entries, read from the store."""
