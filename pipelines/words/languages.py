"""The languages that people are told in, and all the words of each that are not one page's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipelines.words import (
    chinese_evidence,
    chinese_lists,
    chinese_notifications,
    chinese_rules,
    chinese_states,
    labels,
    model_words,
)
from pipelines.words.translation import Translation

CHINESE: Final[Mapping[str, str]] = {
    **labels.CHINESE,
    **chinese_states.CHINESE,
    **chinese_rules.CHINESE,
    **chinese_evidence.CHINESE,
    **chinese_lists.CHINESE,
    **chinese_notifications.CHINESE,
    **model_words.CHINESE,
}
AS_WRITTEN: Final = Translation("und", {})
"""Frames in English, and what was written stays as it was, whatever its language."""
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": {}, "zh": CHINESE}


def translation_to(language: str | None) -> Translation:
    """Return the words of a language (`en` or `zh`); of None those that change nothing that was written."""
    return AS_WRITTEN if language is None else Translation(language, _WORDS[language])
