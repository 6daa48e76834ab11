"""Pipelines to run, read and change: made of shipped operators, for one purpose each."""
