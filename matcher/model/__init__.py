"""The values of the matcher: a question and the reasons of its answer."""
