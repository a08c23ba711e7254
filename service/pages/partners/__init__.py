"""Peers, mentors, consortia and groups."""
