"""Data quality in a replay's report: what was expected of the history's rows, and where they are otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from pipelines.replay.comparison import Comparison
from pipelines.replay.page_alerts import text
from pipelines.replay.quality.cold import Check, ColdQuality
from pipelines.replay.words import counted, percent

DOCS: Final = "quality"
MOST_ROWS: Final = 40


def quality_section(comparison: Comparison) -> Iterator[str]:
    """Give what does not hold over the whole history, then over its windows."""
    tally, cold = comparison.survey.tally, comparison.quality
    checks = sum(len(counts) for counts in tally.topics.values())
    yield '<h2 id="quality">Data quality</h2>'
    failing = [(topic, one, count) for topic, found in tally.failing().items() for one, count in found.items()]
    said = f"{counted(checks, 'expectation')} of schemas/expectations.py, counted over all rows"
    yield f'<p class="about">{said}: {"all hold." if not failing else f"{len(failing):,} do not hold."}</p>'
    if comparison.survey.refused:
        refused = counted(comparison.survey.refused, "record")
        yield f'<p class="about"><span class="no">{refused} could not be read as an event</span> (dead letters).</p>'
    if failing:
        rows = "".join(
            f"<tr><td>{text(topic)}</td><td>{text(one)}</td>"
            f'<td class="number">{count.broken:,} of {count.rows:,} ({percent(count.broken / count.rows)})</td></tr>'
            for topic, one, count in failing[:MOST_ROWS]
        )
        yield _table(("topic", "expected", "otherwise"), rows)
    if cold is not None:
        yield from _cold(cold)


def _cold(cold: ColdQuality) -> Iterator[str]:
    if cold.status == "not installed":
        yield f'<p class="about">{text(cold.notes[0])} (it checks window by window, with pages of its own).</p>'
        return
    failed = cold.failed
    said = f"Great Expectations: {counted(len(cold.checks), 'check')} over {counted(cold.windows, 'window')}, "
    said += "all kept." if not failed else f"{len(failed):,} broken."
    if cold.docs is not None:
        said += f' Each window has <a href="{DOCS}/index.html">its own page</a> (which loads its styles from the net).'
    yield f'<p class="about">{said}</p>'
    yield _grid(cold)
    yield "".join(f'<p class="about no">{text(note, 400)}</p>' for note in cold.notes)
    if failed:
        yield _table(
            ("topic", "window from", "expected", "otherwise", "for example"), "".join(map(_row, failed[:MOST_ROWS]))
        )
        if len(failed) > MOST_ROWS:
            yield f'<p class="small">and {len(failed) - MOST_ROWS:,} more in report.json</p>'


def _grid(cold: ColdQuality) -> str:
    """Return a table of the windows: how many checks are broken in each, with a link to its page."""
    broken: dict[tuple[str, str], int] = {}
    for check in cold.checks:
        place = (check.topic, check.window)
        broken[place] = broken.get(place, 0) + (not check.success)
    topics = list(dict.fromkeys(topic for topic, _ in broken))
    windows = sorted({window for _, window in broken})
    first = 5 if len({window[:10] for window in windows}) > 1 else 11  # the day as well, where there are several
    heads = "".join(f"<th>{window[first:16].replace('T', ' ')}</th>" for window in windows)
    rows = ""
    for topic in topics:
        cells = "".join(_cell(broken.get((topic, window)), cold.pages.get((topic, window))) for window in windows)
        rows += f"<tr><td>{text(topic)}</td>{cells}</tr>"
    return f'<div class="card scroll"><table class="grid"><tr><th></th>{heads}</tr>{rows}</table></div>' if rows else ""


def _cell(broken: int | None, page: str | None) -> str:
    if broken is None:
        return "<td></td>"
    said = f'<span class="{"no" if broken else "yes"}">{broken or "✓"}</span>'
    return f'<td><a href="{DOCS}/{escape(page)}">{said}</a></td>' if page else f"<td>{said}</td>"


def _row(check: Check) -> str:
    examples = ", ".join(text(one, 60) for one in dict.fromkeys(check.examples))
    cells = f"<td>{text(check.topic)}</td><td>{text(check.window)}</td><td>{text(check.sentence)}</td>"
    return f'<tr>{cells}<td class="number">{check.broken:,} of {check.rows:,}</td><td><code>{examples}</code></td></tr>'


def _table(heads: tuple[str, ...], rows: str) -> str:
    cells = "".join(f"<th{' class=number' if head == 'otherwise' else ''}>{head}</th>" for head in heads)
    return f'<div class="card scroll"><table><tr>{cells}</tr>{rows}</table></div>'
