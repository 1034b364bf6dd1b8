"""Changing the model of a collection: pictures looked at once more, what would change, and whether it may."""
