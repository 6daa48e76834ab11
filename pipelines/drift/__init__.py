"""Drift: whether what models meet and say is still like the reference on their cards."""
