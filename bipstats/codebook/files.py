"""The codebook's TOML files, read once and never handed out."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from bipstats.codebook.keys import LANGUAGES
from bipstats.errors import check_option


@cache
def load(name: str) -> dict[str, Any]:
    """Parse ``<name>.toml`` of this package; callers build new objects from it and change nothing."""
    text = (resources.files("bipstats.codebook") / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check_language(lang: str) -> None:
    """Raise `OptionError` unless the codebook has labels in `lang`."""
    check_option("lang", lang, LANGUAGES)
