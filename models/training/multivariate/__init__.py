"""Bundles that know which metrics of a device go together, learnt from a normal stretch."""
