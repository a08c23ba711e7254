"""The matcher: texts to vectors, an index that follows the store, and the six questions."""
