"""Write a copy of a bundle with another reference on its card: the same files, the same answers, another digest."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson

from models.bundle import CARD, open_bundle, seal_card
from models.reference import Reference
from pipelines.bad_input import BadInput


def write_with_reference(folder: Path, output: Path, topic: str, reference: Reference) -> None:
    """Copy the bundle in `folder` to `output`, which must be new, with this reference for the topic; others stay."""
    bundle = open_bundle(folder)
    card = orjson.loads((folder / CARD).read_bytes())
    card["reference"] = {**(card.get("reference") or {}), topic: msgspec.to_builtins(reference)}
    try:
        output.mkdir(parents=True)
        for name, data in bundle.files.items():
            (output / name).write_bytes(data)
        (output / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except FileExistsError:
        raise BadInput(f"{output}: expected a folder that does not exist yet") from None
    seal_card(output)
