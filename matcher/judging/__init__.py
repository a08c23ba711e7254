"""How well a practice fits a place: criteria, their weights and the fit."""
