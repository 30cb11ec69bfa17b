"""One label for any key of the study, in three languages: what plots and tables write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from bipstats.codebook.files import check_language, load
from bipstats.codebook.keys import CASEWORKER_ITEMS, CLIENT_ITEMS, LEVELS
from bipstats.errors import OptionError, check_option

_Labels = Mapping[str | int, str]


def label(key: str | int, lang: str = "en", kind: str | None = None) -> str:
    """Give the label of a column, level, class, exit, state or intervention.

    Parameters
    ----------
    key : str or int
        For instance ``"job_search"``, ``"job_search_client"``, ``"sex"``, ``"male"``, ``"job + other"``,
        ``"pension"``, ``"flexjob"``, or an intervention's code.
    lang : {"en", "sv", "da"}
    kind : str, optional
        ``"indicator"``, ``"background"``, ``"level"``, ``"class"``, ``"exit"``, ``"state"``, ``"type"``
        (of intervention), ``"intervention"``, ``"column"``, ``"table"`` or ``"plot"`` (words of tables and
        figures), ``"head"`` (of columns), ``"said"`` or ``"phrase"`` (of results): where to look. By default the first
        of these that has the key, so that ``"job"`` is the exit and ``label("job", kind="type")`` the type.

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If `lang` or `kind` is none of the choices, or nothing has the key.

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.label("cooperation", "da"), codebook.label("cooperation_client", "sv")
    ('Samarbejdsevne', 'Samarbetsförmåga (deltagare)')
    >>> codebook.label("job"), codebook.label("job", kind="type"), codebook.label(7)
    ('Job', 'Job-oriented', 'Wage subsidy')
    """
    check_language(lang)
    known = _labels(lang)
    if kind is not None:
        check_option("kind", kind, tuple(known))
        known = {kind: known[kind]}
    for labels in known.values():
        if key in labels:
            return labels[key]
    near = get_close_matches(str(key), [str(name) for labels in known.values() for name in labels])
    hint = f"; close to {', '.join(map(repr, near))}" if near else ""
    raise OptionError(f"no {kind or 'label'} has the key {key!r}{hint}.")


def term_label(term: str, lang: str = "en") -> str:
    """Give the label of a model's term; what the codebook does not have stays as it is.

    Parameters
    ----------
    term : str
        For instance ``"sex[male]"``, ``"caseworker_belief"``, ``"age:sex[male]"``, ``"Intercept"``, or a contrast of
        levels, ``"job only - none"``.
    lang : {"en", "sv", "da"}

    Returns
    -------
    str

    Raises
    ------
    OptionError
        If `lang` is none of the choices.

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.term_label("sex[male]", "sv"), codebook.term_label("age:convicted", "da")
    ('Kön: Man', 'Alder × Dømt efter straffeloven')
    >>> codebook.term_label("my_own[high]")
    'my_own: high'
    """
    check_language(lang)
    if " - " in term:
        return " \u2212 ".join(level_label(side, lang) for side in term.split(" - "))
    return " × ".join(_factor_label(factor, lang) for factor in re.split(r":(?![^\[(]*[\])])", term))


def head_label(name: str, lang: str = "en") -> str:
    """Give the head of a column of results as journals write it; a key that is not known loses its underscores."""
    check_language(lang)
    heads = _labels(lang)["head"]
    if name.endswith("_int") and name not in heads:
        return f"{head_label(name.removesuffix('_int'), lang)}, {heads['conf_int']}"
    return heads[name] if name in heads else term_label(name, lang).replace("_", " ")


def plot_word(key: str, lang: str = "en", *, level: float | None = None, **parts: object) -> str:
    """Give the words of a figure; `level` is a confidence level."""
    if level is not None:
        parts["level"] = percent(level, lang)
    return label(key, lang, kind="plot").format(**parts)


def percent(share: float, lang: str = "en") -> str:
    """Write a confidence level as the language does: 95% in English, 95 % in Swedish and Danish."""
    return f"{100 * share:.4g}" + ("%" if lang == "en" else " %")


def _factor_label(factor: str, lang: str) -> str:
    found = re.fullmatch(r"(C\()?([^\[\]()]+)(?(1)\))(?:\[(.*)\])?", factor)
    if found is None:
        return factor
    _, name, level = found.groups()
    named = _known(name, lang)
    if level is None or level == "True":
        return named
    return f"{named}: {_known(level, lang, ('level', 'class', 'exit', 'state', 'type'))}"


def level_label(name: str, lang: str = "en") -> str:
    """Give the label of a level, or of what a result says; a term's else, and what is not known stays as it is."""
    check_language(lang)
    labels = _labels(lang)
    found = (
        labels[kind][name] for kind in ("class", "level", "exit", "state", "said") if name in labels[kind]
    )
    return next(found, name if " - " in name else term_label(name, lang))


def _known(key: str, lang: str, kinds: Iterable[str] = ("indicator", "background", "column", "table")) -> str:
    """Give the label of a key where one of the kinds has it, else the key."""
    labels = _labels(lang)
    return next((labels[kind][key] for kind in kinds if key in labels[kind]), key)


def phrased(text: str, lang: str = "en") -> str:
    """Turn what a result says of itself into a language, as far as the codebook knows the words.

    Parameters
    ----------
    text : str
    lang : {"en", "sv", "da"}

    Returns
    -------
    str
    """
    check_language(lang)
    for words, other in _labels(lang)["phrase"].items():
        text = text.replace(str(words), other)
    return text


@cache
def _labels(lang: str) -> dict[str, _Labels]:
    """Labels by kind, in the order in which `label` searches them."""
    words = load("labels")
    return {
        "indicator": dict(_indicator_labels(lang)),
        "background": _pick(lang, {row["key"]: row for row in load("background")["background"]}),
        "level": {name: name for name in LEVELS["jobcentre"]} | _spoken(lang, words["level"]),
        "class": _spoken(lang, words["class"]),
        "exit": _spoken(lang, words["exit"]),
        "state": _pick(lang, load("dream")["states"]),
        "type": _pick(lang, load("interventions")["types"]),
        "intervention": _pick(lang, {row["code"]: row for row in load("interventions")["intervention"]}),
        "column": _spoken(lang, words["column"]),
        "table": _spoken(lang, words["table"]),
        "plot": _spoken(lang, words["plot"]),
        "head": _spoken(lang, words["head"]),
        "said": _spoken(lang, words["said"]),
        "phrase": _spoken(lang, words["phrase"]),
    }


def _indicator_labels(lang: str) -> Iterator[tuple[str, str]]:
    """Labels of the indicators and of their columns by rater."""
    raters = load("labels")["level"]
    for row in load("indicators")["indicator"]:
        name, text = row["key"], row["label"][lang]
        yield name, text
        for rater, items in (("client", CLIENT_ITEMS), ("caseworker", CASEWORKER_ITEMS)):
            if name in items:
                yield f"{name}_{rater}", f"{text} ({raters[rater][lang].lower()})"


def _pick(lang: str, rows: Mapping[Any, Mapping[str, Any]]) -> dict[Any, str]:
    """Key -> label of rows that have a table ``label``."""
    return {key: row["label"][lang] for key, row in rows.items()}


def _spoken(lang: str, rows: Mapping[Any, Mapping[str, str]]) -> dict[Any, str]:
    """Key -> label of rows that are labels."""
    return {key: row[lang] for key, row in rows.items()}
