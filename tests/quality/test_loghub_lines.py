"""The raw lines of eight real systems, taken apart as the data set's own columns say; skipped where it is absent."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from schemas.log_lines import LineClock, LineParser
from tests.data_sets import LOGHUB, data_set

YEAR = 2005

# System, the format that its lines are found to have, the columns that say the same as our fields.
SYSTEMS = [
    ("Linux", "syslog_rfc3164", {"Component": "component", "PID": "process_id", "Level": "host"}),
    ("OpenSSH", "syslog_rfc3164", {"Pid": "process_id", "Component": "host"}),
    ("Mac", "syslog_rfc3164", {"Component": "component", "PID": "process_id", "User": "host"}),
    ("Zookeeper", "log4j_thread", {"Level": "severity_text"}),
    ("HDFS", "hadoop", {"Component": "component", "Level": "severity_text", "Pid": "process_id"}),
    ("OpenStack", "oslo", {"Component": "component", "Level": "severity_text", "Pid": "process_id"}),
    ("Windows", "windows_cbs", {"Component": "component", "Level": "severity_text"}),
    ("Apache", "apache_error", {"Level": "severity_text"}),
]


def expected_time(system: str, row: dict[str, str]) -> datetime:
    """The time of a row, from the data set's own columns, in UTC."""
    day, time = row.get("Date", ""), row["Time"]
    if system == "Apache":
        return datetime.strptime(time, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    if system == "HDFS":
        return datetime.strptime(f"{day} {time}", "%y%m%d %H%M%S").replace(tzinfo=UTC)
    if "Month" in row or system == "OpenSSH":
        month, day = (row["Month"], row["Date"]) if "Month" in row else (row["Date"], row["Day"])
        return datetime.strptime(f"{YEAR} {month} {day} {time}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{day} {time.replace(',', '.')}").replace(tzinfo=UTC)


@pytest.mark.parametrize(("system", "format_name", "columns"), SYSTEMS, ids=[system for system, *_ in SYSTEMS])
def test_agrees_with_the_columns_of_the_data_set(system: str, format_name: str, columns: dict[str, str]) -> None:
    folder = data_set(LOGHUB / system)
    with (folder / f"{system}_2k.log_structured.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (folder / f"{system}_2k.log").read_text(encoding="utf-8").splitlines()
    parser = LineParser(LineClock(UTC, YEAR))
    read = [parser.parse(line) for line in lines[: len(rows)]]
    assert len(read) == len(rows)

    same = {
        "format": [said.format == format_name for said in read],
        "message": [said.message == row["Content"] for said, row in zip(read, rows, strict=True)],
        "event_time": [said.event_time == expected_time(system, row) for said, row in zip(read, rows, strict=True)],
    }
    for column, field in columns.items():
        same[f"{column} = {field}"] = [
            (getattr(said, field) or "") == row[column] for said, row in zip(read, rows, strict=True)
        ]
    if system == "Zookeeper":  # its column holds a part of the thread's name before the class
        same["component"] = [
            row["Component"].endswith(said.component or "-") for said, row in zip(read, rows, strict=True)
        ]
    if "severity_text" in columns.values():
        same["severity"] = [said.severity is not None for said in read]

    shares = {name: sum(answers) / len(answers) for name, answers in same.items()}
    print(system, len(rows), {name: round(share, 4) for name, share in shares.items()})
    for name, answers in same.items():
        wrong = [(lines[at], read[at]) for at, answer in enumerate(answers) if not answer]
        assert shares[name] >= 0.99, (name, wrong[:3])
    assert all(said.event_time is not None for said in read)
