"""Measures, data sets and reports of how good the matches are."""
