"""The page's voice: its words, numbers and phrases in one language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd
from markupsafe import Markup, escape

from bipstats.replication.verdict import CALIBRATED
from bipstats.replication.wording import number, published_text
from bipstats.words import catalogue, localised, phrases, placeholders

_PACKAGE = "bipstats.replication"
_MINUS = re.compile(r"(?<![\w/])-(?= ?[\d.,])")
_SEVERAL = "; "


@dataclass(frozen=True)
class Speech:
    """Words in the language `lang`; refuses one that it does not know.

    Parameters
    ----------
    lang : {"en", "sv", "da"}
    """

    lang: str

    def __post_init__(self) -> None:
        catalogue(_PACKAGE, self.lang)

    def __call__(self, key: str, **places: object) -> str:
        """A text of the catalogue, its places filled."""
        text = catalogue(_PACKAGE, self.lang)[key]
        return typeset(text.format(**places) if places else text)

    def knows(self, key: str) -> bool:
        """Whether the catalogue has such a text."""
        return key in catalogue(_PACKAGE, self.lang)

    def verdict(self, word: str) -> str:
        """A verdict without its mark of calibration."""
        return self(f"verdict.{word.removeprefix(CALIBRATED)}")

    def number(self, value: object, scale: str) -> str:
        """A number on its scale; empty where there is none."""
        return self.digits(number(value, scale))  # type: ignore[arg-type]

    def published(self, value: float, scale: str) -> str:
        """A published number, as printed."""
        return self.digits(published_text(value, scale))

    def range(self, interval: object, scale: str) -> str:
        """An interval on its scale; empty where there is none."""
        if not isinstance(interval, pd.Interval):
            return ""
        low, high = self.number(interval.left, scale), self.number(interval.right, scale)
        return self("column.to", low=low.removesuffix("\u00a0%"), high=high)

    def count(self, value: object) -> str:
        """A count; empty where there is none."""
        return "" if value is None or pd.isna(value) else self.digits(f"{value:,}")  # type: ignore[call-overload]

    def digits(self, text: str) -> str:
        """Text with its numbers set as the language has them."""
        return typeset(localised(text, self.lang))

    def phrase(self, text: str) -> Markup:
        """A text of the ledger in this language; one that is not in the catalogue stays English, and says so."""
        found = self._known(text)
        if found is None:
            return Markup('<span lang="en">{}</span>').format(capital(typeset(text)))
        return escape(capital(found))

    def sentence(self, text: str) -> Markup:
        """The same without a capital, to stand within a sentence."""
        found = self._known(text)
        return Markup('<span lang="en">{}</span>').format(typeset(text)) if found is None else escape(found)

    def label(self, text: str) -> str:
        """The same as plain text, and without a capital."""
        return self._known(text) or typeset(text)

    def notes(self, text: str) -> list[Markup]:
        """What a note holds, one by one: `text` joins them with semicolons, which some have themselves."""
        return [self.phrase(part) for part in self._parts(text)]

    def _known(self, text: str) -> str | None:
        if self.lang == "en" or not text:
            return typeset(text)
        known = phrases(_PACKAGE)
        if text in known:
            return typeset(known[text][self.lang])
        for pattern, phrase in _patterns():
            if match := pattern.fullmatch(text):
                places = {name: localised(cell, self.lang) for name, cell in match.groupdict().items()}
                return typeset(phrase[self.lang].format(**places))
        return None

    def _parts(self, text: str) -> Iterator[str]:
        known = phrases(_PACKAGE)
        pieces = [piece for piece in text.split(_SEVERAL) if piece]
        while pieces:
            whole = (n for n in range(len(pieces), 0, -1) if _SEVERAL.join(pieces[:n]) in known)
            taken = next(whole, 1)
            yield _SEVERAL.join(pieces[:taken])
            pieces = pieces[taken:]


def typeset(text: str) -> str:
    """Text as a printer sets it: minus signs, no line break at a per cent sign."""
    return _MINUS.sub("−", str(text).replace(" %", "\u00a0%").replace("%-", "%\u2011"))


def capital(text: str) -> str:
    """Text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Mapping[str, str]], ...]:
    """Phrases with places for numbers, as patterns of the English wording."""
    return tuple((_pattern(text), phrase) for text, phrase in phrases(_PACKAGE).items() if placeholders(text))


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", text)
    return re.compile(
        "".join(
            f"(?P<{part}><?[\\d.,]+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
        )
    )
