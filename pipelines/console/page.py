"""A page of the console as a value: its routes, its place in the navigation, its words in Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute


@dataclass(frozen=True, slots=True)
class Page:
    """One module of the console.

    `title` (English) and `path` stand in the navigation unless `path` is empty; `chinese` gives the page's English
    texts in Chinese. Every route asks for a session; the guard sees to it, not the page.
    """

    routes: Sequence[BaseRoute]
    title: str = ""
    path: str = ""
    chinese: Mapping[str, str] = field(default_factory=dict)
