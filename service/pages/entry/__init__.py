"""The page of an entry, and entries as linked data."""
