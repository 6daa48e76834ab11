"""Find the encoder to start from: a folder, or a name on the model hub."""

from __future__ import annotations

from pathlib import Path

from models.training.encoder.progress import say

DEFAULT_BASE = "intfloat/multilingual-e5-small"
FILES = ("model.safetensors", "tokenizer.json")


class NoBase(ValueError):
    """The encoder to start from is not there."""


def base_folder(base: str) -> Path:
    """Return the folder of an encoder; a name is downloaded from the hub once. NoBase says what is missing."""
    folder = Path(base)
    if not folder.is_dir():
        if base.startswith((".", "/")):
            raise NoBase(f"expected a folder with {' and '.join(FILES)} at {base}, found none")
        from huggingface_hub import snapshot_download

        say(f"looking for {base} on the model hub")
        try:
            folder = Path(snapshot_download(base, allow_patterns=[*FILES, "config.json"]))
        except Exception as error:  # the hub's client raises errors of many libraries
            raise NoBase(
                f"could not fetch {base} from the model hub ({type(error).__name__}); name a folder with --base"
            ) from error
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise NoBase(f"{folder}: expected {' and '.join(FILES)}, missing {' and '.join(missing)}")
    return folder
