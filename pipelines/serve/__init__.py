"""Alerts over HTTP: what is open, a stream of what changes, a feed, and what a person does about it."""
