"""What of the ledger is published, what is derived and what is assumed."""

from __future__ import annotations

import pandas as pd

from bipstats.codebook import published, sampling_error

COLUMNS = ("what", "status", "count", "ids", "meaning")

MEANING = {
    "published": "printed in a source that can be read; its words stand in the row",
    "derived": "arithmetic on published figures",
    "assumed": "ours, because no readable source says it",
}


def status(table: pd.DataFrame) -> pd.DataFrame:
    """Count figures, definitions and sampling errors by where they come from.

    Parameters
    ----------
    table : pandas.DataFrame
        The ledger.

    Returns
    -------
    pandas.DataFrame
        ``what`` (``figure``, ``definition``, ``sampling error``), ``status, count, ids`` (separated by commas),
        ``meaning``.
    """
    figures = published()
    lines = [
        *_lines("figure", figures["status"], figures["id"]),
        *_lines("definition", table["definition"], table["id"]),
        *_lines("sampling error", sampling_error()["status"], None),
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _lines(what: str, of: pd.Series, ids: pd.Series | None) -> list[tuple[str, str, int, str, str]]:
    """One line for each status."""
    lines = []
    for name, meaning in MEANING.items():
        chosen = of == name
        if chosen.any():
            told = "" if ids is None else ", ".join(ids[chosen])
            lines.append((what, name, int(chosen.sum()), told, meaning))
    return lines
