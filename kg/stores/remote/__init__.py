"""The graph on another SPARQL 1.1 engine, kept consistent by claims of its writers."""
