"""Bundles that know which sequences of events are normal, from normal ones alone or from labelled ones."""
