"""Tables in the order and with the names that journals use: estimate, SE, ratio, interval in brackets, p last."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.figure_words import Language, level_of
from bipstats.numbers import NumberStyle

HINTS = "Further: "
"""How notes begin that speak to whoever has the result at hand."""


def for_paper(frame: pd.DataFrame, style: NumberStyle, lang: Language) -> pd.DataFrame:
    """Join the ends of intervals, put p-values last, and say in the language what the columns of text hold.

    The first column is left alone: its names may be given by the reader.

    Examples
    --------
    >>> import pandas as pd
    >>> from bipstats.numbers import NumberStyle
    >>> from bipstats.paper import for_paper
    >>> rows = pd.DataFrame({"term": ["age"], "p_value": ["0.095"], "conf_low": [0.95], "conf_high": [1.004]})
    >>> for_paper(rows, NumberStyle(2), "en").to_dict("list")
    {'term': ['age'], 'conf_int': ['[0.95, 1.00]'], 'p_value': ['0.095']}
    """
    shown = frame.copy()
    for name in shown.columns[1:]:
        if not pd.api.types.is_numeric_dtype(shown[name]) or pd.api.types.is_bool_dtype(shown[name]):
            shown[name] = pd.Series(
                [_said(cell, lang) for cell in shown[name]], index=shown.index, dtype=object
            )
    for stem in [name.removesuffix("_low") for name in shown.columns if str(name).endswith("_low")]:
        if f"{stem}_high" in shown.columns:
            shown = _joined(shown, stem, NumberStyle(style.digits))
    if "p_value" in shown.columns[1:]:
        shown = shown[[*(name for name in shown.columns if name != "p_value"), "p_value"]]
    return shown


def _said(cell: object, lang: Language) -> object:
    if isinstance(cell, bool | np.bool_):
        cell = "yes" if cell else "no"
    return level_of(cell, lang) if isinstance(cell, str) else cell


def _joined(frame: pd.DataFrame, stem: str, style: NumberStyle) -> pd.DataFrame:
    """The frame with one column for the two ends of an interval."""
    ends = [f"{stem}_low", f"{stem}_high"]
    pairs = frame[ends].astype(float).to_numpy()
    cells = ["" if np.isnan(pair).any() else f"[{style.interval(*pair)}]" for pair in pairs]
    place = list(frame.columns).index(ends[0])
    joined = frame.drop(columns=ends)
    joined.insert(place, f"{stem}_int", pd.Series(cells, index=frame.index, dtype=object))
    return joined
