"""The page docs/settings.md, written from the settings' own declaration: `python -m infra.settings_document`."""

from __future__ import annotations

import inspect
import sys
from typing import Annotated, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from infra.secret import Secret
from infra.settings import SECTIONS, variable_of

HEAD = """# Settings

<!-- Written by `python -m infra.settings_document > docs/settings.md`; a test checks that it is current. -->

Nothing needs to be set. What is set comes from, strongest first: a flag of the command, an environment variable
(`HUBBUB_<SECTION>_<KEY>`), the file `hubbub.toml` in the working directory (or the one that `--config` or
`HUBBUB_CONFIG` names), the default. Relative paths in the file are relative to the file. An unknown key or variable is
an error that names the nearest known one.

```toml
[broker]
url = "sqlite:hubbub.db"
durability = "full"

[job]
lateness_s = 30

[kafka]
security_protocol = "SASL_SSL"
username = "hubbub"
password_file = "/run/secrets/kafka-password"

[models]
text-enzh = "bundles/my-text"
```
"""
MODELS = """
## [models]

Each key is the name of a model as `hubbub models list` shows it, its value the folder of the bundle that stands in
for it. The variable `HUBBUB_MODELS` names a folder whose folders stand in for the models of their names.
"""


def document() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for section, struct in SECTIONS.items():
        parts.append(f"\n## [{section}]\n\n{inspect.cleandoc(struct.__doc__ or '')}\n")
        parts.append("\n| key | type | default | variable | what it is |\n|---|---|---|---|---|\n")
        for field in msgspec.structs.fields(struct):
            row = (
                f"`{field.name}`",
                _type_name(field.type),
                _default(field.default),
                f"`{variable_of(section, field.name)}`",
                _description(field.type),
            )
            parts.append(f"| {' | '.join(row)} |\n")
    return "".join([*parts, MODELS])


def _default(value: object) -> str:
    """Write a default as it would stand in the file."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"`{text}`".replace("'", '"')


def _metas(type_: object) -> list[Meta]:
    return [one for one in get_args(type_)[1:] if isinstance(one, Meta)] if get_origin(type_) is Annotated else []


def _description(type_: object) -> str:
    return next((meta.description for meta in reversed(_metas(type_)) if meta.description), "")


def _type_name(type_: object) -> str:
    plain: object = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    if get_origin(plain) is Literal:
        return " or ".join(f'`"{one}"`' for one in get_args(plain))
    bounds = "".join(
        f", {words} {bound:.10g}"
        for meta in _metas(type_)
        for bound, words in ((meta.ge, "at least"), (meta.gt, "more than"))
        if bound is not None
    )
    if Secret in get_args(plain):
        return "secret"
    kinds: dict[object, str] = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    return kinds[plain] + bounds


if __name__ == "__main__":
    sys.stdout.write(document())
