"""Keep secrets out of logs: at level DEBUG kafka-python writes its whole configuration, and the bytes that it sends."""

from __future__ import annotations

import logging

# Who logs arguments with passwords, and requests with what a mechanism sends (PLAIN: the password itself).
_TALKERS = ("kafka.admin.client", "kafka.net.connection", "kafka.protocol.parser", "kafka.net.sasl")


def silence_secrets() -> None:
    """Drop what these loggers say at level DEBUG, whatever level somebody has set; what is louder stays."""
    for name in _TALKERS:
        logging.getLogger(name).addFilter(_is_louder)


def _is_louder(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
