"""A template model: a handle to a verified bundle of templates that common systems write, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from models.find_bundle import find_bundle
from models.loaded_templates import LoadedTemplates, load_templates
from models.model_handle import ModelHandle

SHIPPED_TEMPLATES = "templates-common"


class TemplateModel(ModelHandle[LoadedTemplates]):
    """The same form is known, or not, on every device and in every run."""

    task = "templates"
    loader = staticmethod(load_templates)

    @classmethod
    def named(cls, name: str = SHIPPED_TEMPLATES, chosen: Mapping[str, str | Path] | None = None) -> TemplateModel:
        """Return the model of the bundle `name`: the one that came with hubbub unless `chosen` says another folder."""
        return cls(find_bundle(name, chosen))

    def system(self, form: str) -> str | None:
        """Return which system writes lines of this form, every name in it a mask; None when it is not known."""
        return self.loaded().system(form)
