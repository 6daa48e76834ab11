"""The frozen templates of the bundle: what is in it, and that a line they know has one id everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from models.bundle import BundleRefused
from models.loaded_templates import FACTS
from models.loaded_templates import MASK as MASK_OF_THE_MODEL
from models.template_model import TemplateModel
from models.training.bundle_folder import digests, write_card
from models.training.templates.__main__ import TABLE, read_table, write_bundle
from operators.masking import SHOWN, mask_lines
from operators.masking_words import MASK
from operators.mine_templates import MineTemplates
from operators.word_skeleton import skeleton
from pipelines.installed_models import verified_identity
from schemas.device_logs import DEVICE_LOGS
from schemas.identity import identity
from tests.cut_runs import run
from tests.drawn_rows import rows

ROWS = read_table(TABLE)
KNOWN = TemplateModel.named()


def form_of(text: str) -> str:
    """The form that a line is looked up by."""
    [line] = mask_lines(pa.array([text], pa.string()))
    assert line is not None
    return " ".join(map(skeleton, line.form.split(" ")))


def test_the_bundle_is_made_of_the_table(tmp_path: Path) -> None:
    write_bundle(tmp_path / "again", ROWS)
    for path in sorted((tmp_path / "again").iterdir()):
        assert path.read_bytes() == (KNOWN.path / path.name).read_bytes(), path.name
    assert len(KNOWN.loaded()) == len(ROWS) > 200
    assert MASK_OF_THE_MODEL == MASK


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["form"].replace(MASK, SHOWN)[:60])
def test_a_line_of_each_template_is_known(row: dict[str, str]) -> None:
    """With a number for each name; so no template stands there that no line could have."""
    assert form_of(row["form"].replace(MASK, "7")) == row["form"]
    assert KNOWN.system(form_of(row["form"].replace(MASK, "7"))) == row["system"]


def test_a_known_line_has_one_id_on_every_device_whatever_came_before() -> None:
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | message
        d1        | 08:00      | a.service: Deactivated successfully.
        d1        | 08:01      | b.timer: Deactivated successfully.
        d2        | 08:02      | c.d.service: Deactivated successfully.
        d2        | 08:03      | Failed password for eve from 10.0.0.7 port 4022 ssh2
        d2        | 08:04      | the kettle boils
        """,
    )
    out = run(MineTemplates(KNOWN), batch, [1, 2, 3])
    alone = run(MineTemplates(), batch)
    assert [row["template"] for row in out[:3]] == ["<*>: Deactivated successfully."] * 3
    assert {row["template_id"] for row in out[:3]} == {identity("template", f"{MASK}: Deactivated successfully.")}
    assert [row["parameters"] for row in out] == [
        ["a.service"],
        ["b.timer"],
        ["c.d.service"],
        ["eve", "10.0.0.7", "4022", "ssh2"],
        [],
    ]
    assert out[0]["template_id"] != alone[0]["template_id"]
    assert out[3:] == alone[3:], "what has no names but those masked, or is unknown, is what the miner says"


def test_a_known_template_is_never_taken_for_a_mined_one() -> None:
    """The device's own template grew into the known form before; the known line keeps the known id."""
    batch = rows(
        DEVICE_LOGS,
        """
        device_id | event_time | message
        d1        | 08:00      | a.service: Deactivated successfully.
        d1        | 08:01      | b.service: Deactivated successfully.
        """,
    )
    store: dict[str, bytes] = {}
    mined = run(MineTemplates(), batch, store=store)
    known = run(MineTemplates(KNOWN), batch, store=store)
    assert {row["template_id"] for row in known} == {identity("template", f"{MASK}: Deactivated successfully.")}
    assert known[0]["template_id"] != mined[0]["template_id"]
    assert known[0]["novelty"] < 1.0


def test_the_bundle_verifies_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    assert verified_identity(KNOWN.path).startswith("templates-common@1.0.0+")
    copy = tmp_path / "copy"
    shutil.copytree(KNOWN.path, copy)
    card = orjson.loads((copy / "card.json").read_bytes())
    for templates, complaint in (
        ([*ROWS, ROWS[0]], "twice"),
        ([{"system": "x", "form": "two  blanks"}], "expected words"),
        (ROWS[1:], "golden form"),
        ("none", "templates.json"),
    ):
        (copy / FACTS).write_bytes(orjson.dumps({"templates": templates}))
        write_card(copy, {**card, "files": digests(copy, [FACTS])})
        with pytest.raises(BundleRefused, match=complaint):
            TemplateModel(copy).load()
