"""Telling people of alerts: what is told to whom and when (decided without a clock), and the sending around it."""
