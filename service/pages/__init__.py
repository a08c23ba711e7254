"""The pages: a folder each, with its routes, form and view."""
