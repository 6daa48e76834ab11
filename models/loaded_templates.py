"""A frozen tree of templates in memory, checked by its golden forms before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from models.bundle import Bundle, BundleRefused
from models.bundle_facts import read_facts
from models.golden import Example, check_golden

FACTS = "templates.json"
# What stands for a name in a form, as the operator that masks lines writes it.
MASK = "\x02"
# There is no graph, so no release of ONNX Runtime can change an answer.
NO_RUNTIME = "none"


class Known(msgspec.Struct, frozen=True):
    """One template: which system writes it, and its form, words with one blank between and `MASK` for each name."""

    system: str
    form: str


class _Facts(msgspec.Struct, frozen=True):
    templates: tuple[Known, ...]


class LoadedTemplates:
    """Which forms are known, and whose they are."""

    def __init__(self, bundle: Bundle) -> None:
        """Read the forms; BundleRefused when one stands there twice or is not written as a form is."""
        self.card = bundle.card
        self.identity = bundle.identity(NO_RUNTIME)
        self._systems: dict[str, str] = {}
        for one in read_facts(bundle, FACTS, _Facts).templates:
            if one.form != " ".join(one.form.split()) or not one.form:
                raise BundleRefused(f"model bundle {bundle.path}: {FACTS}: expected words, got {one.form!r}")
            if one.form in self._systems:
                raise BundleRefused(f"model bundle {bundle.path}: {FACTS}: {one.form!r} stands there twice")
            self._systems[one.form] = one.system

    def system(self, form: str) -> str | None:
        """Return which system writes lines of this form; None when it is not known."""
        return self._systems.get(form)

    def __len__(self) -> int:
        return len(self._systems)


def golden_examples(loaded: LoadedTemplates, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return golden forms, each with its system."""
    return [{"form": example["form"], "system": loaded.system(example["form"])} for example in examples]


def load_templates(bundle: Bundle) -> LoadedTemplates:
    """Load a verified bundle; BundleRefused when it is of another task, or its golden forms do not come out."""
    if bundle.card.task != "templates":
        raise BundleRefused(f"model bundle {bundle.path}: expected the task templates, got {bundle.card.task}")
    loaded = LoadedTemplates(bundle)
    check_golden(bundle, "form", lambda examples: golden_examples(loaded, examples))
    return loaded
