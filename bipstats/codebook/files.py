"""The codebook's TOML files: read once, never handed out; frames are built anew at every call."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from bipstats.codebook.keys import LANGUAGES
from bipstats.errors import check_option

if TYPE_CHECKING:
    import pandas as pd


@cache
def load(name: str) -> dict[str, Any]:
    """Parse ``<name>.toml`` of this package; callers build new objects from it and change nothing."""
    text = (resources.files("bipstats.codebook") / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check_language(lang: str) -> None:
    """Raise `OptionError` unless the codebook has labels in `lang`."""
    check_option("lang", lang, LANGUAGES)


def listed(values: Iterable[str]) -> str:
    """Join keys for a cell of a frame; the first is the one a quote comes from."""
    return "; ".join(values)


def frame(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Make a frame of `rows`, a dict each, with exactly `columns`."""
    import pandas as pd

    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=list(columns))
