"""Words on the plots in English, Swedish and Danish, from ``plots.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from bipstats.codebook.files import check_language


def word(key: str, lang: str = "en", **places: str) -> str:
    """Give a text in a language, with names in braces filled in.

    Raises
    ------
    OptionError
        If there is no such language.

    Examples
    --------
    >>> from bipstats.replication.plot_words import word
    >>> word("published", "da"), word("caseworkers", n="263")[:15]
    ('publiceret', '263 caseworkers')
    """
    check_language(lang)
    return _words()[key][lang].format(**places)


def known(key: str) -> bool:
    """Whether there is such a text."""
    return key in _words()


@cache
def _words() -> dict[str, dict[str, str]]:
    text = (resources.files("bipstats.replication") / "plots.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
