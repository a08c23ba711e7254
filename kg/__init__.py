"""The graph: entries, the store, validation, safe queries, importers and provenance."""
