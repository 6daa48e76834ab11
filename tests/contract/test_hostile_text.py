"""No text is slow (S6): every pattern that ships is one of RE2's, whose time is linear in the text and in its program.

How long the worst texts take is printed by a benchmark, tests/bench/test_evil_texts.py.
"""

from __future__ import annotations

import ast
from itertools import islice
from random import Random

import pyarrow as pa
import pytest
import re2

from operators import masking
from tests.shipped_patterns import evil_texts, shipped_patterns, sources

PATTERNS = {**shipped_patterns(), "operators.masking._VARIES": masking._VARIES}
SEED = 20260301
# States of the machine that RE2 makes of a pattern: a character costs it no more steps than these.
MOST_STATES = 10_000


def test_there_are_patterns() -> None:
    assert len(PATTERNS) > 40, "the modules were not looked through"


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_pattern_is_a_machine_of_bounded_size(name: str) -> None:
    compiled = re2.compile(PATTERNS[name])
    assert 0 < compiled.programsize <= MOST_STATES
    assert 0 < compiled.reverseprogramsize <= MOST_STATES


def test_masking_a_line_of_64_kb_looks_at_its_beginning() -> None:
    """Arrow runs it; whatever stands behind counts as one more thing that varies."""
    for text in islice(evil_texts(masking._VARIES, Random(SEED)), 0, None, 7):
        beginning = text[: masking.LONGEST_LINE]
        whole, cut = masking.mask_lines(pa.array([text, beginning + "another end"]))
        assert (whole is None) == (cut is None)
        if whole is not None and cut is not None:
            assert whole.form == cut.form, f"{text[:60]!r}... (seed {SEED})"
            assert len(whole.form) <= masking.LONGEST_FORM


def test_nothing_uses_a_backtracking_engine() -> None:
    """Python's own `re` backtracks; Arrow's functions are RE2."""
    users = []
    for module, text in sources():
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            users += [module for name in names if name.partition(".")[0] in ("re", "regex", "fnmatch")]
    assert users == []
