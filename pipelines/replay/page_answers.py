"""The answers in a replay's report: how many rows differ in each output, and from which label to which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pipelines.replay.compare_answers import AnswerDifference, Example, TopicDifference
from pipelines.replay.figures import Figure, label_matrix
from pipelines.replay.page_alerts import text
from pipelines.replay.words import counted, percent

MOST_EXAMPLE_PAIRS: Final = 8
_HEADS: Final = ("topic", "on both sides", "equal bytes", "only baseline", "only candidate", "differ")
Plot = Callable[[str, Figure | None, str, str], str]  # (name, figure, title, about) -> its place in the page


def answer_section(topics: Mapping[str, TopicDifference], plot: Plot) -> Iterator[str]:
    """Give a table of the outputs, then a matrix and examples for each answer that differs."""
    if not topics:
        return
    yield '<h2 id="outputs">Outputs, row by row</h2>'
    yield '<p class="about">Matched by event id. Another model changes the bytes of every '
    yield "enriched row, for its name is in them; what counts is whether an answer has another label.</p>"
    heads = "".join(f"<th{'' if head == 'topic' else ' class=number'}>{head}</th>" for head in _HEADS)
    rows = "".join(_row(name, topic) for name, topic in topics.items())
    yield f'<div class="card scroll"><table><tr>{heads}</tr>{rows}</table></div>'
    yield '<div class="pair">'
    for name, topic in topics.items():
        for answer, one in topic.answers.items():
            if one.changed:
                yield _answer(f"{answer} of {name.removesuffix('.enriched')}", one, plot)
    yield "</div>"


def _row(name: str, topic: TopicDifference) -> str:
    counts = (topic.both, topic.identical, topic.only_before, topic.only_after, topic.all_differing)
    cells = "".join(f'<td class="number">{count:,}</td>' for count in counts)
    return f"<tr><td>{text(name)}</td>{cells}</tr>"


def _answer(title: str, one: AnswerDifference, plot: Plot) -> str:
    share = percent(one.changed / one.compared)
    about = f"{one.changed:,} of {counted(one.compared, 'answer')} have another label ({share})."
    pairs = sorted(one.examples, key=lambda pair: -one.pairs[pair])[:MOST_EXAMPLE_PAIRS]
    rows = "".join(_example(example) for pair in pairs for example in one.examples[pair])
    name = f"matrix-{title.replace(' ', '-').replace('.', '-')}"
    return (
        f"<section>{plot(name, label_matrix(one), title, about)}"
        f'<details class="more"><summary>Examples</summary><div class="card scroll"><table>'
        f"<tr><th>label</th><th>event</th><th>device</th></tr>{rows}</table></div></details></section>"
    )


def _example(example: Example) -> str:
    old, new = (
        f"{text(label, 60)} {'' if score is None else f'{score:.2f}'}"
        for label, score in ((example.before, example.before_score), (example.after, example.after_score))
    )
    said = f'<span class="said"><span class="from">{old}</span> → <span class="to">{new}</span></span>'
    return f"<tr><td>{said}</td><td>{text(example.text)}</td><td>{text(example.device_id, 40)}</td></tr>"
