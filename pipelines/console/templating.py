"""Templates: everything escaped, every text made safe, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from operators.alert_sentence import spaced
from pipelines.console.page import Page
from pipelines.duration import duration_us
from pipelines.event_lines import short_time
from pipelines.seen_event import time_text
from pipelines.words.incident_words import cause, paragraph, spoken
from pipelines.words.model_words import head_name, task_name
from pipelines.words.translation import LANGUAGES, Translation
from schemas.safe_text import safe_text
from schemas.unit_sign import unit_sign

FOLDER: Final = Path(__file__).parent / "templates"
MOST_TEXT: Final = 100_000


class Templates:
    """The templates of all pages."""

    def __init__(self, pages: tuple[Page, ...]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_made_safe,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            when=when,
            number=number,
            link=link,
            part=part,
            query=query,
            blanks=blanks,
            lasting=lasting,
            moment_text=time_text,
            unit=unit_sign,
            seconds=lambda text: duration_us(text) / 1e6,
            spaced=spaced,
        )
        self._environment.globals.update(paragraph=paragraph, cause=cause, spoken=spoken)
        self._environment.globals.update(task_name=task_name, head_name=head_name)
        self._environment.globals.update(navigation=[page for page in pages if page.path], languages=LANGUAGES, zip=zip)

    def render(self, template: str, *, translation: Translation, **values: Any) -> str:  # noqa: ANN401
        """Return a page. Templates know `t` and `tn` for words, and `csrf()` for forms."""
        session = values.get("session")
        return self._environment.get_template(template).render(
            t=translation.say,
            tn=translation.count,
            language=translation.language,
            csrf=lambda: _csrf_field(session.csrf if session is not None else ""),
            **values,
        )


def when(value: object) -> Markup:
    """Show a time (RFC 3339, UTC) to the second, marked up so that the script can add how long ago it was."""
    if not value:
        return Markup("")
    text = short_time(str(value))
    shown = text.replace("T", " ").removesuffix("Z")
    # Columns of times say the zone in their heading, where there is room for one; see `.zone` of the style sheet.
    return Markup('<time datetime="{}">{}<span class="zone"> UTC</span></time>').format(text, shown)


def number(value: object) -> str:
    """Show a number as a person reads it: thousands apart, four digits that matter; a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.4g}"


def link(value: object) -> str:
    """Return an address that may be followed: http or https; empty for anything else."""
    text = str(value or "")
    plain = text.isprintable() and not any(one.isspace() for one in text)
    return text if plain and text.lower().startswith(("https://", "http://")) else ""


def lasting(seconds: object, units: str = "d h min s") -> str:
    """Show a length of time in its two largest units; `units` are the names of days, hours, minutes, seconds."""
    if not isinstance(seconds, int | float) or seconds < 0:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    pairs = list(zip((days, hours, minutes, rest), units.split(), strict=True))
    largest = next((i for i, (count, _) in enumerate(pairs) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in pairs[largest : largest + 2] if count) or f"0 {pairs[3][1]}"


def part(value: object) -> str:
    """Write a value as one part of a path."""
    return quote(str(value), safe="")


def query(values: Mapping[str, object]) -> str:
    """Write a query, without what is empty."""
    return urlencode({name: value for name, value in values.items() if value not in (None, "", False)})


def blanks(value: object) -> Markup:
    """Show a piece of a text; the blanks at its ends stay."""
    text = str(value)
    before, behind = (" " if one.isspace() else "" for one in (text[:1], text[-1:]))
    return Markup("{}{}{}").format(before, safe_text(text, MOST_TEXT), behind if text.strip() else "")


def _made_safe(value: object) -> object:
    """Make what somebody wrote fit to be shown; it is escaped behind this."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return safe_text(value, MOST_TEXT)


def _csrf_field(csrf: str) -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(csrf)
