"""What figures and tables say in English, Swedish and Danish: labels of terms and levels, words, numbers on ticks.

The one bridge from plots and tables to the codebook: models speak through it and know no domain words themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap
from typing import TYPE_CHECKING

from bipstats.codebook.keys import Language
from bipstats.codebook.labels import head_label, level_label, plot_word, term_label
from bipstats.numbers import NumberStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Language",
    "axis_words",
    "comma",
    "count",
    "decimal_marks",
    "head_of",
    "level_of",
    "levels",
    "say",
    "terms",
    "wrapped",
]
_ALONG_X, _ALONG_Y = 62, 36  # letters beside an axis before the next line

say, head_of = plot_word, head_label


def terms(names: Iterable[object], lang: Language) -> list[str]:
    """Labels of terms; what the codebook does not have stays as it is."""
    return [term_label(str(name), lang) for name in names]


def levels(names: Iterable[object], lang: Language) -> list[str]:
    """Labels of levels, classes, exits, and of what results say; parts after a comma each on their own."""
    return [level_of(str(name), lang) for name in names]


def level_of(name: str, lang: Language) -> str:
    """Label of one level; parts after a comma each on their own."""
    whole = level_label(name, lang)
    return whole if whole != name else ", ".join(level_label(part, lang) for part in name.split(", "))


def wrapped(text: str, width: int) -> str:
    """Lines of about one length, none longer than the width; percentages stay whole.

    Examples
    --------
    >>> from bipstats.figure_words import wrapped
    >>> wrapped("Realistic understanding of attainable wage level", 46).splitlines()
    ['Realistic understanding', 'of attainable wage level']
    """
    whole = re.sub(r"(\d) %( [A-Z]+)?", lambda found: found.group().replace(" ", "\u00a0"), text)
    lines = wrap(whole, width, break_long_words=False)
    while len(lines) > 1:
        width -= 1
        narrower = wrap(whole, width, break_long_words=False)
        if len(narrower) > len(lines) or max(map(len, narrower)) > width:
            break
        lines = narrower
    return "\n".join(lines)


def axis_words(axes: Axes, *, x: str | None = None, y: str | None = None) -> Axes:
    """Name the axes; long names take several lines."""
    if x is not None:
        axes.set_xlabel(wrapped(x, _ALONG_X))
    if y is not None:
        axes.set_ylabel(wrapped(y, _ALONG_Y))
    return axes


def comma(number: str, lang: Language) -> str:
    """A number with the decimal mark of the language."""
    return number if lang == "en" else number.replace(".", ",")


def count(number: float, lang: Language) -> str:
    """A whole number with its thousands set apart as in the language's tables."""
    return NumberStyle(decimal="." if lang == "en" else ",").count(number)


def decimal_marks(axes: Axes, lang: Language) -> Axes:
    """Give plain numbers on the axes the decimal mark of the language; for English nothing is touched."""
    if lang == "en":
        return axes
    from matplotlib.ticker import ScalarFormatter

    class Comma(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return comma(super().__call__(x, pos), lang)

    for axis in (axes.xaxis, axes.yaxis):
        if type(axis.get_major_formatter()) is ScalarFormatter:
            axis.set_major_formatter(Comma())
    return axes
