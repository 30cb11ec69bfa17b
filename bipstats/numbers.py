"""Numbers as text: how many decimals, which decimal mark, and what then stands between the ends of an interval."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bipstats.errors import OptionError, check_option

Decimal = Literal[".", ","]

MINUS = "\u2212"
NARROW = "\u202f"  # narrow space that does not break: between thousands where the comma is the decimal mark
_IN_TEXT = re.compile(
    r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?![\w]|[.,]\d)|(?<![\w.])\d+\.\d+(?!\d*\.\d)"
)
_BETWEEN = re.compile(r"(?<=\d), (?=[-\u2212]?[\d\u202f]+(?:,\d|[)\]]))")
_HYPHEN = re.compile(r"(?<![\w.)\]\u2013-])-(?=\.?\d)")
_NUMERIC = re.compile(
    r"[-\u2212\d.,;:<>=±%()\[\]*\s\u202f\u2013/e+]*\d[-\u2212\d.,;:<>=±%()\[\]*\s\u202f\u2013/e+]*"
)


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How numbers are written.

    Parameters
    ----------
    digits : int, optional
        Decimals of every number that is no count; four significant digits if not given.
    decimal : {".", ","}
        With the comma, thousands are set apart by a narrow space and the ends of intervals by a semicolon.

    Examples
    --------
    >>> from bipstats.numbers import NumberStyle
    >>> swedish = NumberStyle(digits=2, decimal=",")
    >>> swedish.number(1234.5) == "1\u202f234,50", swedish.interval(0.5, 1.25)
    (True, '0,50; 1,25')
    """

    digits: int | None = None
    decimal: Decimal = "."

    def __post_init__(self) -> None:
        check_option("decimal", self.decimal, (".", ","))
        whole = isinstance(self.digits, int | np.integer) and not isinstance(self.digits, bool)
        if self.digits is not None and not (whole and 0 <= self.digits <= 12):
            raise OptionError(
                f"digits={self.digits!r} is no number of decimals; give a whole number from 0 to 12, or None."
            )

    def number(self, value: float) -> str:
        """Write a number that is no count."""
        value = float(value)
        if np.isnan(value):
            return ""
        if not np.isfinite(value):
            return "-∞" if value < 0 else "∞"
        if self.digits is None:
            return self.mark(f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}")
        text = f"{value:,.{self.digits}f}"
        if float(text.replace(",", "")) == 0.0:  # neither -0.00 nor zero for what is small
            small = value != 0.0 and self.digits > 0
            text = f"{value:.1g}" if small else f"{0.0:.{self.digits}f}"
        return self.mark(text)

    def count(self, value: float) -> str:
        """Write a whole number."""
        return "" if np.isnan(value) else self.mark(f"{value:,.0f}")

    def p_value(self, value: float) -> str:
        """Write a p-value: three decimals, tiny ones bounded."""
        return "" if np.isnan(value) else self.mark("<0.001" if value < 0.001 else f"{value:.3f}")

    def interval(self, low: float, high: float) -> str:
        """Write two ends with what stands between them."""
        return f"{self.number(low)}{', ' if self.decimal == '.' else '; '}{self.number(high)}"

    def cell(self, value: object) -> str:
        """Write any value: counts in full, missing ones empty, text as it is unless it is all numbers."""
        if value is None or value is pd.NA or value is pd.NaT:
            return ""
        if isinstance(value, str):
            return self.text(value) if is_numeric(value) else value
        if isinstance(value, bool | np.bool_):
            return str(value)
        if isinstance(value, int | np.integer):
            return self.mark(f"{value:,}")
        if isinstance(value, float | np.floating):
            return self.number(float(value))
        return str(value)

    def text(self, words: str) -> str:
        """Turn the numbers within a text."""
        if self.decimal == ".":
            return words
        turned = _IN_TEXT.sub(lambda found: self.mark(found.group()), words)
        return turned if turned == words else _BETWEEN.sub("; ", turned)

    def mark(self, text: str) -> str:
        """Turn one number that is written with a decimal point."""
        if self.decimal == ".":
            return text
        return text.replace(",", NARROW).replace(".", ",")


def is_numeric(text: str) -> bool:
    """Whether a text consists of numbers with their signs, brackets and stars."""
    return _NUMERIC.fullmatch(text) is not None


def with_minus(text: str) -> str:
    """Write hyphens before numbers as minus signs."""
    return _HYPHEN.sub(MINUS, text)
