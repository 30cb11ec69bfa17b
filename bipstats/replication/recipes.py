"""For each row of the ledger the few lines of Python that repeat its estimate, kept in ``recipes.toml``."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

import pandas as pd

_HEAD = """import bipstats as bip

study = bip.read_study("study")  # your folder; bip.load_synthetic() is the packaged study
"""


_IDLE = """
# This study has terms without variation or without values: take those that the row's note names out of the formulas.
"""
_LEFT_OUT = re.compile(r"without (a value|variation)[\w ]*,? and left out")


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
    known, made = _known(), {}
    for name, note in table.loc[table["estimate"].notna(), ["id", "note"]].itertuples(index=False):
        code = known[name].replace("DRAWS", str(draws)).replace("SEED", str(seed))
        made[name] = _HEAD + (_IDLE if _LEFT_OUT.search(note) else "") + code
    return made


@cache
def _known() -> dict[str, str]:
    """Code by row."""
    text = (resources.files("bipstats.replication") / "recipes.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["recipe"]
    return {name: recipe["code"] for recipe in found for name in recipe["rows"]}
