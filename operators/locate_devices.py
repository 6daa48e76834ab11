"""Locate devices: the keyed operator that gives each alert its device's site, as of the alert's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from operators.columns import require
from operators.device_places import Place, learn, place_at
from operators.operator import CAUSE, never_fires
from schemas.alerts_by_site import SITE_ALERT
from schemas.topic import TIMESTAMP

EMITTED: Final = pa.schema([*SITE_ALERT, *CAUSE])
STATE: Final = pa.schema([("places", pa.binary())])
_FROM_ALERT: Final = (
    *("alert_id", "revision", "rule", "state", "severity", "category", "opened_at", "fired_at", "updated_at"),
    *("resolved_at", "resolved_by", "count", "summary", "evidence"),
)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Place]).decode


@dataclass(frozen=True)
class LocateDevices:
    """Join changes of alerts with the registry of devices, and send both on by site.

    Reads rows of `devices` (schemas/devices.py) and of `alerts.by_device`; emits rows of SITE_ALERT, one for each. An
    alert's place is the one of its device that held at the alert's `event_time`; a device that was in no site then is
    a site of its own, named by its id, so that what it shows still comes together. A line of the registry whose
    `valid_from` lies below the row's `watermark` came too late for what was located already: it holds from the
    watermark on. It goes to its site under the time from which it holds, or of its arrival if that is earlier; one that
    ends a place (no site) goes nowhere.
    Memory: at most 32 lines of the registry for each device; a device that has none needs none.
    """

    name: str = "locate_devices"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    @property
    def state_schema(self) -> pa.Schema:
        """The device's places in order of time, one msgpack list."""
        return STATE

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a located row; the input is a registry or alerts by device."""
        require(self.name, schema, "device_id", pa.string())
        require(self.name, schema, "watermark", TIMESTAMP)
        names = ("valid_from", "site", "received_at") if _is_registry(schema) else ("event_time", *_FROM_ALERT)
        for name in names:
            type_ = TIMESTAMP if name == "received_at" else EMITTED.field(name).type
            require(self.name, schema, name, type_)
        return EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Learn the registry's lines, locate the alerts, in order."""
        keys: list[str] = batch.column(self.key).unique().to_pylist()
        stored = dict(zip(keys, states.column(0).to_pylist(), strict=True))
        if _is_registry(batch.schema):
            return _learn(batch, keys, stored)
        return states, _locate(batch, {key: _decode(value) for key, value in stored.items() if value is not None})

    fire = never_fires


def _is_registry(schema: pa.Schema) -> bool:
    return "valid_from" in schema.names


def _learn(
    batch: pa.RecordBatch, keys: list[str], stored: dict[str, bytes | None]
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    places = {key: [] if value is None else _decode(value) for key, value in stored.items()}
    times = {
        name: batch.column(name).view(pa.int64()).to_pylist() for name in ("valid_from", "watermark", "received_at")
    }
    texts = [batch.column(name).to_pylist() for name in ("site", "room", "type", "upstream_device_id", "language")]
    rows: list[dict[str, Any]] = []
    for row, device_id in enumerate(batch.column("device_id").to_pylist()):
        valid_from, watermark = times["valid_from"][row], times["watermark"][row]
        holds_from = valid_from if watermark is None else max(valid_from, watermark)
        place = Place(holds_from, *(column[row] for column in texts))
        learn(places[device_id], place)
        if place.site is not None:
            said_at = min(holds_from, max(times["received_at"][row], watermark or 0))
            rows.append(_row(device_id, place, row) | {"event_time": said_at, "valid_from": holds_from})
    after = pa.array([_encode(places[key]) if places[key] else None for key in keys], pa.binary())
    return pa.RecordBatch.from_arrays([after], schema=STATE), _batch(rows)


def _locate(batch: pa.RecordBatch, places: dict[str, list[Place]]) -> pa.RecordBatch:
    times = batch.column("event_time").view(pa.int64()).to_pylist()
    devices = batch.column("device_id").to_pylist()
    found = [place_at(places.get(device_id, ()), at) for device_id, at in zip(devices, times, strict=True)]
    columns: dict[str, pa.Array] = {name: batch.column(name) for name in ("device_id", "event_time", *_FROM_ALERT)}
    sites = pa.array([place.site for place in found], pa.string())
    columns["site"] = pc.coalesce(sites, batch.column("device_id"))
    for name in ("room", "type", "upstream_device_id", "language"):
        columns[name] = pa.array([getattr(place, name) for place in found], pa.string())
    columns["_row"] = pa.array(range(batch.num_rows), pa.int64())
    columns["_key"] = batch.column("device_id")
    nulls = pa.nulls(batch.num_rows)
    return pa.RecordBatch.from_arrays(
        [columns[field.name] if field.name in columns else nulls.cast(field.type) for field in EMITTED], schema=EMITTED
    )


def _row(device_id: str, place: Place, row: int) -> dict[str, Any]:
    return {"device_id": device_id, "_row": row, "_key": device_id} | msgspec.structs.asdict(place)


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([row.get(field.name) for row in rows], field.type) for field in EMITTED], schema=EMITTED
    )
