"""Tests of alert rules: a file of events and of the alerts that they should raise, run through the real pipelines."""
