"""Correlate incidents: the keyed operator that makes one incident of what belongs together at a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.columns import require
from operators.incident_memory import Memory, Place, decode_memory, decode_places, encode
from operators.incident_places import Neighbours
from operators.incident_rows import EMITTED, IncidentRows
from operators.incident_signals import has_han, signal_of
from operators.incident_site import REMEMBER_CLOSED_US, Site
from schemas.alerts_by_site import SITE_ALERT
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

STATE: Final = pa.schema(
    [("places", pa.binary()), ("memory", pa.binary()), ("deadline", TIMESTAMP), ("expires_at", TIMESTAMP)]
)
NEVER: Final = np.iinfo(np.int64).min
_TIMES: Final = ("opened_at", "fired_at", "updated_at", "resolved_at", "valid_from", "event_time")


@dataclass(frozen=True)
class CorrelateIncidents:
    """Keep the incidents of each site, and emit a row for each change of one.

    Reads rows of SITE_ALERT: lines of the registry, from which it learns who is whose neighbour, and changes of alerts.
    Emits rows of schemas.incidents.INCIDENT. An incident opens when related evidence within an hour is enough
    (operators/incident_weight.py): evidence of one device, of one room, along what hangs on what where the trouble
    spreads (network, power), or of customers who report the same. It ends an hour after its last evidence, but not
    while an alarm of it lasts (a week at most).

    Order: rows are taken as they come, so they must come in the order of event time, as `incidents` reads them. A late
    row, one below the watermark, counts as if it had happened at the watermark.
    Revisions count from 1; the highest holds. One is written when severity, cause, kinds of evidence, number of
    devices or of lasting alarms change, or the number of alerts passes 2, 5, 10, 20, ...; and at the end.
    Bounds, a site: 4,096 places, 128 waiting signals, 16 incidents (the one longest without news ends for a new one);
    an incident: 64 alerts that are followed, 256 devices, 40 entries of its timeline. Memory of a site without places
    is gone a day after its last row.
    """

    name: str = "correlate_incidents"
    version: int = 1
    key: str = "site"
    emits: bool = True

    @property
    def state_schema(self) -> pa.Schema:
        """The places of the site's devices, its signals and incidents, and when the next of these ends."""
        return STATE

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of an incident; the input has those of a located alert."""
        for field in SITE_ALERT:
            require(self.name, schema, field.name, field.type)
        require(self.name, schema, "watermark", TIMESTAMP)
        return EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Take the rows in order, each after the deadlines that its watermark has reached."""
        rows = IncidentRows()
        sites = _Sites(batch.column(self.key).unique().to_pylist(), states, rows)
        watermarks = microseconds(batch.column("watermark"), NEVER).tolist()
        for number, (row, watermark) in enumerate(zip(_rows(batch), watermarks, strict=True)):
            sites.at(row["site"]).apply(row, number, watermark)
        return sites.states(), rows.batch()

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """End what has been quiet for long enough."""
        rows = IncidentRows()
        names = keys.to_pylist()
        sites = _Sites(names, states, rows)
        for name in names:
            sites.at(name).fire(watermark_us)
        return sites.states(), rows.batch()


class _Sites:
    """The sites of one call; each is unpacked when it is first asked for."""

    def __init__(self, keys: list[str], states: pa.RecordBatch, rows: IncidentRows) -> None:
        self._keys = keys
        self._states = dict(
            zip(keys, zip(*(column.to_pylist() for column in _numbers(states)), strict=True), strict=True)
        )
        self._rows = rows
        self._sites: dict[str, _KeptSite] = {}

    def at(self, site: str) -> _KeptSite:
        found = self._sites.get(site)
        if found is None:
            found = self._sites[site] = _KeptSite(site, self._states[site], self._rows)
        return found

    def states(self) -> pa.RecordBatch:
        packed = [self._sites[key].pack() if key in self._sites else self._states[key] for key in self._keys]
        columns = list(zip(*packed, strict=True)) or [()] * len(STATE)
        return pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, STATE, strict=True)], schema=STATE
        )


class _KeptSite:
    """One site with its language and its memory as it is stored."""

    def __init__(self, name: str, stored: tuple[Any, ...], rows: IncidentRows) -> None:
        places, memory, _, self._expires_at = stored
        self._rows = rows
        self._stored_places = places
        self._site = Site(name, decode_memory(memory), Neighbours(decode_places(places)))

    def apply(self, row: Mapping[str, Any], number: int, watermark_us: int) -> None:
        self.fire(watermark_us)
        if self._expires_at is not None and self._expires_at <= watermark_us:
            self._site.memory = Memory()
        site, now_us = self._site, max(row["event_time"], watermark_us)
        if row["valid_from"] is not None:
            place = Place(row["valid_from"], row["room"], row["type"], row["upstream_device_id"], row["language"])
            site.neighbours.learn(row["device_id"], place)
        elif row["alert_id"] is not None:
            signal = signal_of(row)
            if signal.kind == "message":
                self._hear(signal.sights[-1].text if signal.sights else None)
            for news in site.apply(signal, now_us):
                self._say(news, event_time=row["event_time"], row=number)
        lasts_until = max(site.memory.latest, now_us, site.next_deadline() or 0)
        self._expires_at = None if site.neighbours.places else lasts_until + REMEMBER_CLOSED_US

    def fire(self, watermark_us: int) -> None:
        while (deadline := self._site.next_deadline()) is not None and deadline <= watermark_us:
            for news in self._site.end_next(deadline):
                self._say(news, event_time=deadline, deadline=deadline)

    def pack(self) -> tuple[bytes | None, bytes | None, int | None, int | None]:
        site = self._site
        places = encode(site.neighbours.places) if site.neighbours.changed else self._stored_places
        memory = None if site.memory == Memory() else encode(site.memory)
        return places, memory, site.next_deadline(), self._expires_at

    def _hear(self, text: str | None) -> None:
        languages = self._site.memory.languages
        if text is not None:
            language = "zh" if has_han(text) else "en"
            languages[language] = languages.get(language, 0) + 1

    def _language(self) -> str:
        """Return the site's language: as the registry says, else the one in which most messages come."""
        for known in self._site.neighbours.places.values():
            if known[-1].language is not None:
                return known[-1].language
        heard = self._site.memory.languages
        return "zh" if heard.get("zh", 0) > heard.get("en", 0) else "en"

    def _say(self, news: Any, *, event_time: int, row: int | None = None, deadline: int | None = None) -> None:  # noqa: ANN401
        self._rows.add(
            self._site.site,
            news,
            self._site.neighbours,
            self._language(),
            event_time=event_time,
            row=row,
            deadline=deadline,
        )


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows with times as integers, those within the evidence too."""
    columns = {}
    for field in SITE_ALERT:
        column = batch.column(field.name)
        if field.name in _TIMES:
            column = column.view(pa.int64())
        elif field.name == "evidence":
            column = column.cast(_EVIDENCE_AS_NUMBERS)
        columns[field.name] = column.to_pylist()
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _numbers(states: pa.RecordBatch) -> list[pa.Array]:
    return [column.view(pa.int64()) if column.type == TIMESTAMP else column for column in states.columns]


_EVIDENCE: Final = SITE_ALERT.field("evidence").type.value_type
_EVIDENCE_AS_NUMBERS: Final = pa.list_(
    pa.struct([pa.field(one.name, pa.int64() if one.type == TIMESTAMP else one.type) for one in _EVIDENCE])
)
