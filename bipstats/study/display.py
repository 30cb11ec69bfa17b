"""A study in counts: nothing here shows a row of a person."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS

_DATES = {"clients": "enrolled", "responses": "date", "assignments": "start", "interventions": "start"}


def describe(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count what each table holds; see `Study.describe`."""
    result = pd.DataFrame([_counts(name, table) for name, table in tables.items()])
    counts = [
        "rows",
        "clients",
        "caseworkers",
        "jobcentres",
        "client_questionnaires",
        "caseworker_questionnaires",
    ]
    dates = {"first_date": "datetime64[ns]", "last_date": "datetime64[ns]"}
    return result.astype({**dict.fromkeys(counts, "Int64"), **dates, "missing_share": "float64"})


def _counts(name: str, table: pd.DataFrame) -> dict[str, object]:
    """One row of `describe`."""
    by: Mapping[Any, Any] = dict(table["respondent"].value_counts()) if "respondent" in table else {}
    dates = table[_DATES[name]] if name in _DATES else pd.Series(dtype="datetime64[ns]")
    return {
        "table": name,
        "rows": len(table),
        "clients": table["client"].nunique(),
        "caseworkers": table["caseworker"].nunique() if "caseworker" in table else None,
        "jobcentres": table["jobcentre"].nunique() if "jobcentre" in table else None,
        "client_questionnaires": by.get("client"),
        "caseworker_questionnaires": by.get("caseworker"),
        "first_date": dates.min(),
        "last_date": dates.max(),
        "missing_share": _missing_share(name, table),
    }


def _missing_share(name: str, table: pd.DataFrame) -> float:
    """Share of empty cells among those that could have been filled."""
    if name == "register" or table.empty:
        return np.nan
    if name != "responses":
        return float(table.isna().to_numpy().mean())
    by_client = table["respondent"].eq("client").to_numpy(dtype=bool)
    asked = np.ones((len(table), len(CASEWORKER_ITEMS)), dtype=bool)
    asked[:, [item not in CLIENT_ITEMS for item in CASEWORKER_ITEMS]] = ~by_client[:, None]
    return float((table[list(CASEWORKER_ITEMS)].isna().to_numpy() & asked).sum() / asked.sum())


def _facts(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """What a study amounts to, as name and text."""
    clients, responses = tables["clients"], tables["responses"]
    by = responses["respondent"].value_counts()
    weeks = sum(str(name).startswith("y_") for name in tables["register"])
    first, last = responses["date"].min(), responses["date"].max()
    span = "" if pd.isna(first) else f", {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    centres = clients["jobcentre"].nunique()
    raters = f"{by.get('client', 0):,} by clients, {by.get('caseworker', 0):,} by caseworkers"
    return [
        ("clients", f"{len(clients):,} in {centres} job centre{'' if centres == 1 else 's'}"),
        ("caseworkers", f"{tables['assignments']['caseworker'].nunique():,}"),
        ("questionnaires", f"{len(responses):,} ({raters}{span})"),
        ("assignments", f"{len(tables['assignments']):,}"),
        ("interventions", f"{len(tables['interventions']):,}"),
        ("register", f"{len(tables['register']):,} rows, {weeks:,} weeks"),
    ]


def text(tables: Mapping[str, pd.DataFrame], version: str | None) -> str:
    """The study in a few lines."""
    lines = [f"  {name:<15}{said}" for name, said in _facts(tables)]
    return "\n".join([_title(version), *lines])


def html(tables: Mapping[str, pd.DataFrame], version: str | None) -> str:
    """The same for a notebook."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(said)}</td></tr>" for name, said in _facts(tables)
    )
    return f"<table><caption>{escape(_title(version))}</caption><tbody>{rows}</tbody></table>"


def _title(version: str | None) -> str:
    return "Study" if version is None else f"Study (data {version.removeprefix('data ')})"
