"""Browsing and searching."""
