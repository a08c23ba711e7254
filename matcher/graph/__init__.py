"""What the matcher reads of the graph: entries, places and ties of actors."""
