"""For each row of the ledger the few lines of Python that repeat its estimate, kept in ``recipes.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import pandas as pd

_HEAD = """import bipstats as bip

study = bip.read_study("study")  # your folder; bip.load_synthetic() is the packaged study
"""


def recipes(table: pd.DataFrame, draws: int, seed: int) -> dict[str, str]:
    """Give the code of every row that has an estimate.

    Parameters
    ----------
    table : pandas.DataFrame
        The ledger.
    draws, seed : int
        Of the resampling, where the code has any.

    Returns
    -------
    dict of str to str
        Each ends by giving ``estimate`` the value of the row.
    """
    rows = table.loc[table["estimate"].notna(), "id"]
    known = _known()
    return {
        name: _HEAD + known[name].replace("DRAWS", str(draws)).replace("SEED", str(seed))
        for name in rows
        if name in known
    }


@cache
def _known() -> dict[str, str]:
    """Code by row."""
    text = (resources.files("bipstats.replication") / "recipes.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["recipe"]
    return {name: recipe["code"] for recipe in found for name in recipe["rows"]}
