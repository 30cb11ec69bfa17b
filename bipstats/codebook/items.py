"""What was asked, what was done, and who the clients are: the codebook's lists as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bipstats.codebook.files import check_language, frame, listed, load
from bipstats.codebook.keys import LEVELS
from bipstats.errors import check_option

if TYPE_CHECKING:
    import pandas as pd

_INDICATOR_COLUMNS = (
    "key",
    "number",
    "label",
    "label_status",
    "asked_client",
    "asked_caseworker",
    "asked_status",
    "reference",
    "reference_status",
    "significant",
    "item",
    "status",
    "source",
    "note",
)
_INTERVENTION_COLUMNS = (
    "code",
    "label",
    "label_status",
    "type",
    "type_label",
    "type_label_status",
    "status",
    "source",
)
_BACKGROUND_COLUMNS = (
    "key",
    "label",
    "kind",
    "levels",
    "status",
    "source",
    "distribution",
    "figures",
    "note",
)


def indicators(lang: str = "en", significant: bool | None = None) -> pd.DataFrame:
    """List the 11 indicators.

    Parameters
    ----------
    lang : {"en", "sv", "da"}
        Language of the labels.
    significant : bool, optional
        True: only the indicators that the slides name among the strongest associations with a job;
        False: only the others. All by default.

    Returns
    -------
    pandas.DataFrame
        One row per indicator: ``key, number`` (our order), ``label, label_status, asked_client,
        asked_caseworker, asked_status, reference`` (the rater whose answer spells use),
        ``reference_status, significant, item`` (the question's wording, where readable), ``status, source,
        note``.

    Raises
    ------
    OptionError
        If `lang` or `significant` is none of the choices.

    Notes
    -----
    No readable source prints the whole list. Ten constructs are published, the eleventh (``network``) is
    assumed; the study's own numbers and most item wordings are not found. That clients answer 9 questions
    and caseworkers 11 is published; which two have no client twin is assumed. An assumed label is our
    translation.

    Examples
    --------
    >>> from bipstats import codebook
    >>> table = codebook.indicators("sv", significant=False)
    >>> table[["key", "label", "status"]].to_numpy().tolist()
    [['everyday_coping', 'Hantering av vardagen', 'published'], ['network', 'Nätverk', 'assumed']]
    """
    check_language(lang)
    check_option("significant", significant, (None, True, False))
    rows = (
        {
            **row,
            **_labelled(row, lang),
            "asked_client": "client" in row["asked"],
            "asked_caseworker": "caseworker" in row["asked"],
            "item": row.get("item", {}).get("da", ""),
        }
        for row in load("indicators")["indicator"]
        if significant is None or row["significant"] == significant
    )
    return frame(rows, _INDICATOR_COLUMNS)


def interventions(lang: str = "en") -> pd.DataFrame:
    """List the 21 interventions and their 4 types.

    Parameters
    ----------
    lang : {"en", "sv", "da"}
        Language of the labels.

    Returns
    -------
    pandas.DataFrame
        One row per intervention: ``code, label, label_status, type, type_label, type_label_status, status,
        source``.

    Raises
    ------
    OptionError
        If `lang` is none of the choices.

    Notes
    -----
    Danish labels and the grouping are published; the code is the place in the published list, and the
    English and Swedish labels are our translations (assumed).

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.interventions().groupby("type", sort=False).size().to_dict()
    {'job': 9, 'upgrading': 4, 'social': 4, 'health': 4}
    """
    check_language(lang)
    types = load("interventions")["types"]
    rows = (
        {
            **row,
            **_labelled(row, lang),
            "type_label": types[row["type"]]["label"][lang],
            "type_label_status": types[row["type"]]["label_status"][lang],
        }
        for row in load("interventions")["intervention"]
    )
    return frame(rows, _INTERVENTION_COLUMNS)


def background(lang: str = "en") -> pd.DataFrame:
    """List the 10 background characteristics.

    Parameters
    ----------
    lang : {"en", "sv", "da"}
        Language of the labels.

    Returns
    -------
    pandas.DataFrame
        One row per characteristic: ``key, label, kind`` (``category``, ``number``, ``flag``, ``share``),
        ``levels`` (of a category, the reference first), ``status`` (of the characteristic's use in the
        study), ``source, distribution`` (what is published about it), ``figures`` (ids in `published`),
        ``note``.

    Raises
    ------
    OptionError
        If `lang` is none of the choices.

    Notes
    -----
    Labels in all languages, levels and units are ours: no code list of the study is readable.

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.background().set_index("key").loc["civil_status", "levels"]
    'couple; single'
    """
    check_language(lang)
    rows = (
        {
            **row,
            "label": row["label"][lang],
            "levels": listed(LEVELS.get(row["key"], ())),
            "source": listed(row["source"]),
            "figures": listed(row["figures"]),
        }
        for row in load("background")["background"]
    )
    return frame(rows, _BACKGROUND_COLUMNS)


def _labelled(row: dict[str, Any], lang: str) -> dict[str, str]:
    """Label, its status and the sources of one row, as cells."""
    return {
        "label": row["label"][lang],
        "label_status": row["label_status"][lang],
        "source": listed(row["source"]),
    }
