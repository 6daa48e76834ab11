"""The cold half, in a process of its own: Great Expectations over the windows of a history, and its data docs.

Called as `python -I validate.py FOLDER SECONDS`. FOLDER holds `expectations.json` (by topic, as schemas/expectations.py
has them) and a Parquet file a topic; the findings go to `findings.jsonl`, one line a topic and window, the pages to
`docs/`. Imports nothing of hubbub: two to six seconds of imports and any noise of the library stay out of the replay.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

# Of the time that is left when the windows begin, so much may be spent on them; the pages need the rest.
VALIDATING = 0.7
MOST_EXAMPLES = 5
SITE = "replay"


def main(folder: Path, budget_s: float) -> None:
    """Validate window after window until all are done or the time is up, then write the pages."""
    began = time.monotonic()
    import great_expectations as gx  # noqa: PLC0415 - heavy, and only here

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.delete_data_docs_site("local_site")
    context.add_data_docs_site(SITE, _site(folder / "docs"))
    wanted: dict[str, list[dict[str, Any]]] = json.loads((folder / "expectations.json").read_text(encoding="utf-8"))
    definitions = {topic: _definition(context, topic, expected) for topic, expected in wanted.items()}
    ends = began + (time.monotonic() - began) + VALIDATING * (budget_s - (time.monotonic() - began))
    done: list[tuple[str, str]] = []
    with (folder / "findings.jsonl").open("w", encoding="utf-8") as file:
        for topic, window, frame in _windows(folder, list(wanted)):
            if time.monotonic() > ends:
                break
            checks = _validate(definitions[topic], window, frame, wanted[topic])
            file.write(json.dumps({"topic": topic, "window": window, "rows": len(frame), "checks": checks}) + "\n")
            file.flush()
            done.append((topic, window))
    context.build_data_docs()
    pages = {f"{topic} {window}": _page(folder / "docs", topic, window) for topic, window in done}
    (folder / "pages.json").write_text(json.dumps(pages), encoding="utf-8")


def _page(docs: Path, topic: str, window: str) -> str:
    """Return the path of a window's page below `docs`; the library makes folders of a name's parts."""
    found = sorted((docs / "validations" / Path(*topic.split(".")) / _run_name(window)).rglob("*.html"))
    return found[0].relative_to(docs).as_posix() if found else ""


def _run_name(window: str) -> str:
    return window.replace(":", "").replace("-", "")  # not every file system takes a colon


def _windows(folder: Path, topics: list[str]) -> Iterator[tuple[str, str, Any]]:
    """Give the windows in their order of time, all topics of one before the next."""
    import pandas as pd  # noqa: PLC0415

    frames = {topic: pd.read_parquet(folder / f"{topic}.parquet") for topic in topics}
    groups = {topic: dict(list(frame.groupby("window", sort=True))) for topic, frame in frames.items()}
    for window in sorted({window for found in groups.values() for window in found}):
        for topic in topics:
            if window in groups[topic]:
                yield topic, window, groups[topic][window].drop(columns="window").reset_index(drop=True)


def _definition(context: Any, topic: str, expected: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - the library's own
    import great_expectations as gx  # noqa: PLC0415

    suite = context.suites.add(gx.ExpectationSuite(name=topic))
    for number, one in enumerate(expected):
        suite.add_expectation(_expectation(one, number))
    suite.save()
    asset = context.data_sources.add_pandas(topic).add_dataframe_asset(topic)
    batch = asset.add_batch_definition_whole_dataframe("window")
    return context.validation_definitions.add(gx.ValidationDefinition(name=topic, data=batch, suite=suite))


def _expectation(one: Mapping[str, Any], number: int) -> Any:  # noqa: ANN401 - one of many classes
    import great_expectations.expectations as gxe  # noqa: PLC0415

    named: dict[str, Any] = {"column": one["column"], "meta": {"number": number}}
    if one["kind"] == "none":
        return gxe.ExpectColumnValuesToBeNull(**named)
    if one["kind"] == "unique":
        return gxe.ExpectColumnValuesToBeUnique(**named)
    named["mostly"] = one["mostly"]
    if one["only_where"] is not None:
        column, value = one["only_where"]
        named |= {"row_condition": f"{column} == {json.dumps(value)}", "condition_parser": "pandas"}
    if one["kind"] == "filled":
        return gxe.ExpectColumnValuesToNotBeNull(**named)
    if one["kind"] == "one of":
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(one["values"]), **named)
    bounds = {"min_value": one["low"], "max_value": one["high"]}
    if one["kind"] == "length":
        return gxe.ExpectColumnValueLengthsToBeBetween(**bounds, **named)
    return gxe.ExpectColumnValuesToBeBetween(**bounds, **named)


def _validate(
    definition: Any,  # noqa: ANN401 - the library's own
    window: str,
    frame: Any,  # noqa: ANN401 - a DataFrame, and pandas is imported late
    expected: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415

    result = definition.run(
        batch_parameters={"dataframe": frame},
        run_id=RunIdentifier(run_name=_run_name(window), run_time=datetime.fromisoformat(window)),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": MOST_EXAMPLES},
    )
    checks = []
    # The library answers in an order of its own.
    for found in sorted(result.results, key=lambda one: int(one.expectation_config.meta["number"])):
        one = expected[int(found.expectation_config.meta["number"])]
        known = found.result
        checks.append(
            {
                "sentence": one["sentence"],
                "success": bool(found.success),
                "rows": int(known.get("element_count", 0)),
                "broken": int(known.get("unexpected_count", 0)),
                "examples": [str(value) for value in known.get("partial_unexpected_list", [])][:MOST_EXAMPLES],
                "error": _error(found),
            }
        )
    return checks


def _error(found: Any) -> str | None:  # noqa: ANN401 - the library's own
    raised = found.exception_info or {}
    for one in [raised, *(value for value in raised.values() if isinstance(value, dict))]:
        if one.get("raised_exception"):
            return str(one.get("exception_message"))[:300]
    return None


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
