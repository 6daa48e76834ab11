"""Scoring: JSON lines through the operators of a shipped pipeline, without a broker; `hubbub score`."""
