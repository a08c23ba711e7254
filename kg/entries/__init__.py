"""An entry from what was sent to the store: read, checked, written."""
