"""Bundles that give records, objects of numbers and categories, a label of the user's own."""
