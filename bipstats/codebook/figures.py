"""What is published about BIP: figures, design, contradictions and sources, each with its status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bipstats.codebook.files import check_language, frame, listed, load

if TYPE_CHECKING:
    import pandas as pd

_FIGURE_COLUMNS = (
    "id",
    "statement",
    "value",
    "unit",
    "scale",
    "kind",
    "status",
    "source",
    "year",
    "quote",
    "quote_language",
    "horizon",
    "population",
    "definition",
    "note",
    "parts",
)
_CONTRADICTION_COLUMNS = ("number", "statement", "sources", "figures", "treatment")
_DESIGN_COLUMNS = ("key", "statement", "value", "status", "source", "conflicts", "note")
_SOURCE_COLUMNS = ("key", "title", "year", "url", "read")


def published(lang: str = "en") -> pd.DataFrame:
    """List every figure that is published about BIP, with its source's words.

    Parameters
    ----------
    lang : {"en", "sv", "da"}
        Language of the statements; quotes stay in the language of their source.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``id, statement, value`` (a share between 0 and 1, or a ratio; NaN where only
        words are published), ``unit, scale, kind`` (``effect``, ``level``, ``sign``, ``rank``), ``status``
        (``published``, or ``derived`` by arithmetic on published figures), ``source`` (keys of `sources`,
        the quoted one first), ``year`` (NA: undated), ``quote, quote_language, horizon, population,
        definition, note, parts`` (the numbers of a statement that carries several, else empty).

    Raises
    ------
    OptionError
        If `lang` is none of the choices.

    Notes
    -----
    A figure stands as printed even where the arithmetic disagrees; the note says so, and `contradictions`
    lists all cases. "not found" means that no readable part of the sources says it.

    Examples
    --------
    >>> from bipstats import codebook
    >>> figures = codebook.published().set_index("id")
    >>> float(figures.loc["E03", "value"]), figures.loc["E03", "scale"]
    (0.78, 'relative; hazard, odds or risk not stated')
    >>> figures.loc["E15", "parts"]
    {'most effective': 0.23, 'least effective': 0.07}
    """
    check_language(lang)
    return _years(frame((_figure(row, lang) for row in load("published")["published"]), _FIGURE_COLUMNS))


def contradictions() -> pd.DataFrame:
    """List where the sources disagree with each other or with themselves.

    Returns
    -------
    pandas.DataFrame
        ``number, statement, sources, figures`` (ids in `published`), ``treatment`` (what the codebook does).

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.contradictions().loc[0, "figures"]
    'E11; E12; E13'
    """
    rows = (
        {**row, "sources": listed(row["sources"]), "figures": listed(row["figures"])}
        for row in load("contradictions")["contradiction"]
    )
    return frame(rows, _CONTRADICTION_COLUMNS)


def design() -> pd.DataFrame:
    """List what is published about the design of the study.

    Returns
    -------
    pandas.DataFrame
        ``key, statement, value`` (NaN where the fact is no number), ``status, source, conflicts`` (what
        other sources say), ``note``.

    Examples
    --------
    >>> from bipstats import codebook
    >>> int(codebook.design().set_index("key").loc["questionnaires", "value"])
    27000
    """
    rows = (
        {"value": float("nan"), "conflicts": "", "note": "", **row, "source": listed(row["source"])}
        for row in load("design")["fact"]
    )
    return frame(rows, _DESIGN_COLUMNS).astype({"value": "float64"})


def sources() -> pd.DataFrame:
    """List where the codebook's facts were read.

    Returns
    -------
    pandas.DataFrame
        ``key, title, year`` (NA: undated), ``url, read`` (``whole``, ``first part``, ``abstract`` or ``not
        readable``).

    Examples
    --------
    >>> from bipstats import codebook
    >>> int(codebook.sources().set_index("key").loc["VF-en", "year"])
    2019
    """
    rows = ({"url": "", "year": None, **row, "key": key} for key, row in load("sources").items())
    return _years(frame(rows, _SOURCE_COLUMNS))


def _figure(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """One published figure as the cells of its row."""
    language, quote = next(iter(row.get("quote", {"": ""}).items()))
    return {
        **row,
        "statement": row["statement"][lang],
        "value": row.get("value", float("nan")),
        "source": listed(row["source"]),
        "year": load("sources")[row["source"][0]].get("year"),
        "quote": quote,
        "quote_language": language,
        "parts": dict(row.get("parts", {})),
    }


def _years(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its years as nullable whole numbers."""
    return table.astype({"year": "Int16"})
