"""Words of pages in English, Swedish and Danish: TOML catalogues beside the page that uses them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from bipstats.codebook.files import check_language

_THOUSANDS = {"en": ",", "sv": "\u00a0", "da": "."}
_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def catalogue(package: str, lang: str) -> Mapping[str, str]:
    """Read ``words/<lang>.toml`` of a package; tables become dotted keys.

    Raises
    ------
    OptionError
        If there is no such language; the message names the ones there are.

    Examples
    --------
    >>> from bipstats.words import catalogue
    >>> catalogue("bipstats.replication", "sv")["verdict.matches"]
    'stämmer'
    """
    check_language(lang)
    text = (resources.files(package) / "words" / f"{lang}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text)))


@cache
def phrases(package: str) -> Mapping[str, Mapping[str, str]]:
    """Read ``words/phrases.toml`` of a package: English text -> the same in the other languages.

    Examples
    --------
    >>> from bipstats.words import phrases
    >>> phrases("bipstats.replication")["hazard ratio"]["da"]
    'hazardratio'
    """
    text = (resources.files(package) / "words" / "phrases.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def placeholders(text: str) -> set[str]:
    """Names in braces, which a number or a name takes the place of.

    Examples
    --------
    >>> from bipstats.words import placeholders
    >>> sorted(placeholders("{shown} of {all} rows"))
    ['all', 'shown']
    """
    return set(_PLACEHOLDER.findall(text))


def localised(text: str, lang: str) -> str:
    """Set numbers that are written with point and comma as the language has them.

    Examples
    --------
    >>> from bipstats.words import localised
    >>> localised("12,345 rows, 14.8 %", "da"), localised("1,200.5", "en")
    ('12.345 rows, 14,8 %', '1,200.5')
    """
    if lang == "en":
        return text
    text = _POINT.sub("\0", text)
    text = _GROUPS.sub(lambda number: number[0].replace(",", _THOUSANDS[lang]), text)
    return text.replace("\0", ",")


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, cell in table.items():
        if isinstance(cell, Mapping):
            yield from _flat(cell, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(cell)
