"""Errors to sentences: what a person reads on stderr, and the exit status that a script reads.

Sentences may quote what somebody else wrote (a file name, a line), so control characters never reach the terminal.
"""

from __future__ import annotations

import errno

import click

from schemas.safe_text import safe_text

MOST_CHARACTERS = 2000
DONE, NO, WRONG_USE, OUTAGE, INTERRUPTED = 0, 1, 2, 3, 130

# Classes by name, for importing them would make every command slow: an error's own module is loaded by then.
_OUTAGES = frozenset(
    {
        "BeamFailed",
        "BrokerUnavailable",
        "BrokerRefused",
        "FaustStopped",
        "Fenced",
        "FlinkRefused",
        "FlinkStartFailed",
        "NotIdle",
        "GraphFailed",
        "OperatorFailed",
        "OtherCodeFailed",
        "KafkaStartFailed",
        "JavaMissing",
    }
)
_WRONG_USE = frozenset({"BadInput", "BrokerMismatch", "Refused", "BundleRefused", "GraphRefused", "Mismatch"})
_OWN_PACKAGES = ("schemas.", "models.", "operators.", "infra.", "pipelines.")
# Of the file system's errors, those that say that this place will not do, whatever the machine's state.
_WRONG_FILE = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)


def sentence_and_status(error: Exception) -> tuple[str, int]:
    """Return what to say of an error, on one line, and the status to exit with."""
    sentence, status = _judge(error)
    return safe_text(sentence, MOST_CHARACTERS), status


def _judge(error: Exception) -> tuple[str, int]:
    if isinstance(error, click.ClickException):
        return _of_click(error), WRONG_USE
    name = type(error).__name__
    own = type(error).__module__.startswith(_OWN_PACKAGES)
    kinds = {one.__name__ for one in type(error).__mro__}
    if own and kinds & _OUTAGES:
        return str(error), OUTAGE
    if own and (kinds & _WRONG_USE or isinstance(error, ValueError | LookupError)):
        return _text(error), WRONG_USE
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror}", WRONG_USE if error.errno in _WRONG_FILE else OUTAGE
    if type(error) in (ValueError, KeyError):  # raised where something was built from what a person gave
        return _text(error), WRONG_USE
    if isinstance(error, MemoryError):
        return "this machine has not enough memory for it", OUTAGE
    if isinstance(error, ImportError) and not f"{error.name}.".startswith(_OWN_PACKAGES):
        return f"something that this command needs is not installed: {error}", OUTAGE
    return f"this is a bug: {name}: {error}; HUBBUB_DEBUG=1 shows where", OUTAGE


def _of_click(error: click.ClickException) -> str:
    sentence = error.format_message()
    context = getattr(error, "ctx", None)
    return f"{sentence.rstrip('.?')}; see `{context.command_path} --help`" if context is not None else sentence


def _text(error: Exception) -> str:
    # str() of a KeyError is the repr of its argument.
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
