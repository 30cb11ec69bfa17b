"""Tables for reading: one object that prints as text, HTML and LaTeX. Takes frames, knows no models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

_LATEX = {sign: rf"\{sign}" for sign in "&%#_${}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


@dataclass(frozen=True)
class Summary:
    """A titled table with facts above and notes below.

    Parameters
    ----------
    title : str
    frame : pandas.DataFrame
        Numbers are formatted here; text is shown as it is.
    facts : mapping of str to str
        Shown above the table as ``label: value``.
    notes : tuple of str
        Shown below the table.
    footer : pandas.DataFrame, optional
        Rows of the same columns below a line (numbers of observations and so on).

    Examples
    --------
    >>> import pandas as pd
    >>> from bipstats.tables import Summary
    >>> print(Summary("Ages", pd.DataFrame({"group": ["a", "b"], "mean": [31.25, 40.0]})))
    Ages
    group   mean
    a      31.25
    b         40
    """

    title: str
    frame: pd.DataFrame
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    footer: pd.DataFrame | None = None

    def __str__(self) -> str:
        rows = _text_rows(pd.concat(self._parts(), ignore_index=True))
        if self.footer is not None:
            rows.insert(1 + len(self.frame), "-" * max(map(len, rows)))
        return "\n".join([self.title, *_aligned_facts(self.facts), *rows, *self.notes])

    def _parts(self) -> list[pd.DataFrame]:
        """Table and footer as text."""
        return [formatted(self.frame)] + ([] if self.footer is None else [formatted(self.footer)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.as_html()

    def as_html(self) -> str:
        """HTML fragment: caption, facts, table and notes."""
        left = _text_columns(self.frame)
        head = "".join(f"<th{_align(name in left)}>{escape(str(name))}</th>" for name in self.frame.columns)
        body = "".join(f"<tbody>{_html_rows(part, left)}</tbody>" for part in self._parts())
        facts = " · ".join(f"{escape(label)}: {escape(value)}" for label, value in self.facts.items())
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return (
            f"<div><p><strong>{escape(self.title)}</strong></p><p><small>{facts}</small></p>"
            f"<table><thead><tr>{head}</tr></thead>{body}</table>{notes}</div>"
        )

    def as_latex(self) -> str:
        """LaTeX with booktabs rules."""
        left = _text_columns(self.frame)
        columns = "".join("l" if name in left else "r" for name in self.frame.columns)
        head = " & ".join(_tex(str(name)) for name in self.frame.columns) + r" \\"
        parts = [
            [" & ".join(map(_tex, row)) + r" \\" for row in part.itertuples(index=False)]
            for part in self._parts()
        ]
        rows = parts[0] + [line for part in parts[1:] for line in (r"\midrule", *part)]
        about = [f"{label}: {value}" for label, value in self.facts.items()]
        notes = [
            rf"\multicolumn{{{len(columns)}}}{{l}}{{\footnotesize {_tex(note)}}} \\"
            for note in (*about, *self.notes)
        ]
        lines = [
            rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows, r"\bottomrule", *notes,
            r"\end{tabular}",
        ]  # fmt: skip
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """Markdown pipe table, with the title above, facts and notes around; the footer's rows follow the others."""
        left = _text_columns(self.frame)
        names = [_markdown(str(name)) for name in self.frame.columns]
        rule = [":---" if name in left else "---:" for name in self.frame.columns]
        body = [list(map(_markdown, row)) for part in self._parts() for row in part.itertuples(index=False)]
        table = "\n".join(f"| {' | '.join(row)} |" for row in (names, rule, *body))
        facts = "\n".join(f"- {_markdown(label)}: {_markdown(value)}" for label, value in self.facts.items())
        blocks = (f"**{_markdown(self.title)}**", facts, table, *map(_markdown, self.notes))
        return "\n\n".join(block for block in blocks if block)


def formatted(frame: pd.DataFrame) -> pd.DataFrame:
    """Format every cell as text: four significant digits, thousands separated, missing values empty."""
    return pd.DataFrame(
        {name: [_cell(value) for value in frame[name]] for name in frame.columns}, dtype=object
    )


def p_text(value: float) -> str:
    """Format a p-value; tiny ones are bounded, not rounded to zero."""
    return "" if np.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def counted(count: int, one: str, many: str = "") -> str:
    """Count things in words that fit the number.

    Examples
    --------
    >>> from bipstats.tables import counted
    >>> counted(1, "row"), counted(1200, "row"), counted(2, "entry", "entries")
    ('1 row', '1,200 rows', '2 entries')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"
    return str(value)


def _text_columns(frame: pd.DataFrame) -> set[object]:
    return {name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])}


def _align(left: bool) -> str:
    return ' style="text-align:left"' if left else ' style="text-align:right"'


def _html_rows(shown: pd.DataFrame, left: set[object]) -> str:
    return "".join(
        "<tr>"
        + "".join(
            f"<td{_align(name in left)}>{escape(value)}</td>"
            for name, value in zip(shown.columns, row, strict=True)
        )
        + "</tr>"
        for row in shown.itertuples(index=False)
    )


def _markdown(text: str) -> str:
    """Escape what Markdown would read as marks."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


def _aligned_facts(facts: Mapping[str, str]) -> list[str]:
    width = max((len(label) for label in facts), default=0)
    return [f"{label:<{width}}  {value}" for label, value in facts.items()]


def _text_rows(shown: pd.DataFrame) -> list[str]:
    cells = [list(map(str, shown.columns)), *map(list, shown.itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [_looks_numeric(shown[name]) for name in shown.columns]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]


def _looks_numeric(column: pd.Series) -> bool:
    return all(cell == "" or cell[0] in "0123456789-<." for cell in column)


def _tex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
