"""How a column is written: by the mapping's word, and by the file's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file says itself about the values of one column.

    Attributes
    ----------
    labels : mapping of str to str
        Text of a value -> its label (the value labels of Stata and SPSS).
    missing : frozenset of str
        Texts of values that the file declares missing: SPSS's user-missing values, Stata's ``.a`` to ``.z``.
    reported : frozenset of str
        Texts of cells about which the file's reader has given a problem already.
    """

    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    missing: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()


NOTHING = Declared()


@dataclass(frozen=True, slots=True)
class Writing:
    """How a file writes one column, where that differs from ours.

    Attributes
    ----------
    codes : mapping of str to str
        Value in the file, or its label -> value in the study; an empty string says that the value means
        "missing".
    missing : frozenset of str
        Further values that mean "missing".
    scale : pair of float, optional
        What the file writes for our lowest and our highest answer.
    date_format : str, optional
        As in `datetime.strptime`; without it dates are ``YYYY-MM-DD``.
    declared : Declared
        What the file says itself.
    """

    codes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    missing: frozenset[str] = frozenset()
    scale: tuple[float, float] | None = None
    date_format: str | None = None
    declared: Declared = NOTHING

    def translated(self, text: str) -> str | None:
        """Value in the study for a value in the file, if the mapping names it by its code or its label."""
        label = self.declared.labels.get(text)
        return self.codes.get(text, None if label is None else self.codes.get(label))


AS_OURS = Writing()


def text_of(value: Any) -> str:
    """Give the text of a value, as a CSV file would have it."""
    if isinstance(value, np.floating):
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    text = str(value).strip()
    return text.removesuffix(" 00:00:00") if isinstance(value, datetime) else text
