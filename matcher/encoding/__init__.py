"""Texts as numbers: models, their conversion, language offsets, character n-grams and stems."""
