"""Judging practices for a place, comparing them, and the brief."""
