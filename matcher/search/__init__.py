"""The index, and who comes first in it for a question."""
