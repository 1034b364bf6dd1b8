"""Galleries: collections, their sealed templates, their subjects, and the search over them."""
