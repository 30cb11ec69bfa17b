"""Instruments: what is rated, by whom, and on which scale."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, INDICATORS, LANGUAGES, indicators, label
from bipstats.errors import OptionError

PRESETS = ("BIP", "SKAPA")
RATERS = ("client", "caseworker")
_FEWEST, _MOST = 3, 24
_KEYS = {"key", "title", "low", "high", "source", "status", "item"}
_TAKEN = ("client", "date", "respondent")
_STATUSES = ("published", "assumed")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is rated.

    Attributes
    ----------
    key : str
        Column of the data.
    labels : dict of str to str
        By language.
    raters : tuple of str
        Who is asked: ``client``, ``caseworker`` or both.

    Examples
    --------
    >>> import bipstats as bip
    >>> item = bip.progression.instrument("BIP").items[0]
    >>> item.key, item.raters
    ('job_search', ('client', 'caseworker'))
    >>> item.labels["sv"]
    'Jobbsökningsbeteende'
    """

    key: str
    labels: Mapping[str, str]
    raters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A questionnaire with a scale.

    Attributes
    ----------
    key : str
    title : dict of str to str
    items : tuple of Item
    low, high : int
        Ends of the scale; higher is nearer to a job.
    source, status : str
        Where it is from; ``published``, or ``assumed`` if that is true of any item or of the scale. Who is asked and
        what an item is called in another language may be assumed all the same (`codebook.indicators`).

    Examples
    --------
    >>> import bipstats as bip
    >>> skapa = bip.progression.instrument("SKAPA")
    >>> skapa.low, skapa.high, len(skapa.items), skapa.status
    (1, 5, 6, 'published')
    """

    key: str
    title: Mapping[str, str]
    items: tuple[Item, ...]
    low: int
    high: int
    source: str
    status: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns of the items."""
        return tuple(item.key for item in self.items)

    def __repr__(self) -> str:
        return (
            f"Instrument({self.key!r}: {len(self.items)} items from {self.low} to {self.high}, {self.status})"
        )


def instrument(name: str | PathLike[str]) -> Instrument:
    """Give an instrument: BIP's eleven indicators, SKAPA's six areas, or one of your own.

    Parameters
    ----------
    name : {"BIP", "SKAPA"} or path
        A preset, or a TOML file with ``key``, ``title`` and ``label`` in ``en``, ``sv`` and ``da``, ``low`` and
        ``high`` (the ends of the scale) and one ``[[item]]`` for each thing that is rated, with ``raters`` if not
        both are asked.

    Returns
    -------
    Instrument

    Raises
    ------
    OptionError
        No such preset or file, or the file does not describe an instrument; all that is wrong is named at once.

    Notes
    -----
    A scale is declared, never guessed: ratings outside it are refused where they are read. That SKAPA's areas measure
    the same as BIP's items is documented nowhere: do not pool their ratings.

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.progression.instrument("SKAPA")
    Instrument('SKAPA': 6 items from 1 to 5, published)
    """
    if not isinstance(name, str | PathLike):
        raise OptionError(
            f"instrument={name!r} is no name or path. Give one of {', '.join(PRESETS)} or a file."
        )
    if name == "BIP":
        return _bip()
    if name in PRESETS:
        text = (resources.files("bipstats.progression") / "presets" / f"{name}.toml").read_text(
            encoding="utf-8"
        )
        return _read(tomllib.loads(text), str(name))
    path = Path(name)
    if not path.is_file():
        raise OptionError(
            f"instrument={str(name)!r} is none of {', '.join(PRESETS)} and no file. Give a TOML file that "
            f"describes yours."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path.name} is no TOML file: {error}.") from None
    return _read(content, path.name)


def _bip() -> Instrument:
    items = tuple(
        Item(
            key,
            {lang: label(key, lang) for lang in LANGUAGES},
            tuple(
                rater
                for rater, asked in zip(RATERS, (CLIENT_ITEMS, CASEWORKER_ITEMS), strict=True)
                if key in asked
            ),
        )
        for key in INDICATORS
    )
    title = {"en": "BIP, eleven indicators", "sv": "BIP, elva indikatorer", "da": "BIP, elleve indikatorer"}
    published = (indicators()["status"] == "published").all()  # the eleventh is inferred
    return Instrument(
        "BIP", title, items, 1, 5, "see codebook.indicators()", _STATUSES[0 if published else 1]
    )


def _read(content: dict[str, Any], name: str) -> Instrument:
    """Check a TOML document whole, then make the instrument."""
    found = [f"{key}: unknown" for key in content if key not in _KEYS]
    low, high = content.get("low"), content.get("high")
    if not (type(low) is int and type(high) is int and low + 2 <= high <= low + 100):  # True is an int too
        found.append("low, high: whole numbers, two apart or more, that are the ends of the scale")
    found += _texts(content.get("title"), "title")
    found += [
        f"{key}: a text" for key in ("key", "source", "status") if not isinstance(content.get(key, ""), str)
    ]
    if content.get("status", "assumed") not in _STATUSES:
        found.append(f"status: one of {', '.join(_STATUSES)}")
    items = content.get("item")
    if not isinstance(items, list) or not _FEWEST <= len(items) <= _MOST:
        found.append(f"item: {_FEWEST} to {_MOST} tables [[item]]")
        items = []
    for place, item in enumerate(items, start=1):
        found += _item_problems(item, f"item {place}")
    keys = [str(item.get("key")) for item in items if isinstance(item, dict)]
    found += [f"item: {key!r} stands there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if found:
        lines = "\n".join(f"  {text}" for text in found)
        raise OptionError(f"{name} describes no instrument:\n{lines}")
    made = tuple(Item(item["key"], item["label"], tuple(item.get("raters", RATERS))) for item in items)
    return Instrument(
        str(content.get("key", Path(name).stem)),
        content["title"],
        made,
        low,  # type: ignore[arg-type]
        high,  # type: ignore[arg-type]
        str(content.get("source", "")),
        str(content.get("status", "assumed")),
    )


def _texts(value: object, where: str) -> list[str]:
    if not isinstance(value, dict) or not all(
        isinstance(value.get(lang), str) and value[lang] for lang in LANGUAGES
    ):
        return [f"{where}: a text in each of {', '.join(LANGUAGES)}"]
    return [f"{where}: {lang} is unknown" for lang in value if lang not in LANGUAGES]


def _item_problems(item: object, where: str) -> list[str]:
    if not isinstance(item, dict):
        return [f"{where}: no table"]
    found = [f"{where}: {key} is unknown" for key in item if key not in ("key", "label", "raters")]
    if not (isinstance(item.get("key"), str) and item["key"].isidentifier()):
        found.append(f"{where}: key must be a name such as work_ability")
    elif item["key"] in _TAKEN:
        found.append(f"{where}: key must not be {', '.join(_TAKEN)}, which the data have already")
    found += _texts(item.get("label"), f"{where}: label")
    raters = item.get("raters", list(RATERS))
    if not (isinstance(raters, list) and raters and all(rater in RATERS for rater in raters)):
        found.append(f"{where}: raters must be among {', '.join(RATERS)}")
    return found
