"""Replay: history through today's or a candidate's models, and what would have been different."""
