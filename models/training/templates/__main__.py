"""Make the bundle `templates-common`: `python -m models.training.templates --output DIR [--table FILE]`.

FILE has the columns system and template, with tabs between and `<*>` for each name; the one beside this module unless
another is given.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import orjson

from models.bundle import open_bundle
from models.loaded_templates import FACTS, MASK, NO_RUNTIME, load_templates
from models.training.bundle_folder import digests, sizes, write_card

NAME = "templates-common"
VERSION = "1.0.0"
TABLE = Path(__file__).parent / "templates.tsv"
SHOWN = "<*>"
NOTE = (
    "Written for this project: what widely used programs of a Linux system say (sshd, PAM, systemd, cron, DHCP, time, "
    "kernel, wireless, MQTT, DNS, disks), with a mask for each name. No row of a data set is in it, and nothing was "
    "learnt. A line whose masked form, each name one mask, is in the table has the id of that form on every device; "
    "all others go to the miner of their device. It knows English messages of usual releases; a line that a release "
    "words otherwise is simply not known."
)


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows: system, and form with masks; ValueError names a row that is none."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        for row in reader:
            system, template = row.get("system"), row.get("template")
            if not system or not template:
                raise ValueError(f"{path}:{reader.line_num}: expected a system and a template, got {row}")
            rows.append({"system": system, "form": template.replace(SHOWN, MASK)})
    return rows


def write_bundle(folder: Path, rows: list[dict[str, str]]) -> None:
    """Write the bundle into `folder`, and load it as it will be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS).write_bytes(orjson.dumps({"templates": rows}, option=orjson.OPT_INDENT_2))
    first_of_each = {row["system"]: row for row in reversed(rows)}
    unknown = {"form": f"nobody writes {MASK} like this", "system": None}
    write_card(
        folder,
        {
            "name": NAME,
            "version": VERSION,
            "task": "templates",
            "inputs": [],
            "outputs": [],
            "runtime": {"onnxruntime": NO_RUNTIME, "optimization": "none"},
            "training_sets": [],
            "training_note": NOTE,
            "licence_note": "Apache-2.0, as the project.",
            "metrics": {},
            "size_bytes": sizes(folder, [FACTS]),
            "golden": [*first_of_each.values(), unknown],
            "files": digests(folder, [FACTS]),
        },
    )
    load_templates(open_bundle(folder))


def main() -> None:
    """Make the bundle that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m models.training.templates", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--table", type=Path, default=TABLE, help="table of system and template")
    arguments = parser.parse_args()
    rows = read_table(arguments.table)
    write_bundle(arguments.output, rows)
    print(f"wrote {len(rows)} templates to {arguments.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
