"""Public SPARQL: what a stranger may ask, where it runs, and how answers are written."""
