"""Tables for reading and for papers: one object, written in every format. Takes frames, knows no models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from bipstats import writers
from bipstats.errors import OptionError, check_option
from bipstats.figure_words import Language, head_of, levels
from bipstats.numbers import Decimal, NumberStyle, is_numeric
from bipstats.paper import HINTS, for_paper
from bipstats.writers import Grid

Format = Literal["latex", "html", "word", "markdown", "text"]
FORMATS: tuple[Format, ...] = ("latex", "html", "word", "markdown", "text")
_SUFFIXES: dict[str, Format] = {
    ".tex": "latex", ".html": "html", ".htm": "html", ".md": "markdown", ".txt": "text",
}  # fmt: skip


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
    style : NumberStyle
        How numbers are written.
    labels : mapping of str to str
        Other names of columns and of what stands in the first column.
    under : mapping of str to str
        Second line of heads, by column.
    align : str
        ``l``, ``c`` or ``r`` by column; numbers to the right, text to the left if empty.
    lang : {"en", "sv", "da"}, optional
        As papers have it, in a language: see `styled`.

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
    style: NumberStyle = field(default_factory=NumberStyle)
    labels: Mapping[str, str] = field(default_factory=dict)
    under: Mapping[str, str] = field(default_factory=dict)
    align: str = ""
    lang: Language | None = None

    def __str__(self) -> str:
        grid = self.grid
        body = [row for part in grid.parts for row in part]
        rows = _text_rows([*grid.heads, *body], grid.align)
        if len(grid.parts) > 1:
            rows.insert(len(grid.heads) + len(grid.parts[0]), "-" * max(map(len, rows)))
        facts = _aligned_facts(
            {self._words(label): self._words(value) for label, value in self.facts.items()}
        )
        return "\n".join([self.title, *facts, *rows, *grid.notes])

    __repr__ = __str__

    @property
    def grid(self) -> Grid:
        """The table as text, as every format writes it."""
        frame = self.frame if self.lang is None else for_paper(self.frame, self.style, self.lang)
        columns = list(frame.columns)
        frames = [frame] if self.footer is None else [frame, self.footer]
        parts = tuple(
            tuple(zip(*(map(self.style.cell, frame[name]) for name in columns), strict=True))
            for frame in frames
        )
        heads = [tuple(self._head(str(name)) for name in columns)]
        if self.under:
            heads.append(tuple(self.under.get(str(name), "") for name in columns))
        named = tuple(
            tuple((self._label(row[0]), *row[1:]) for row in part) if columns else part for part in parts
        )
        facts = tuple(f"{self._words(label)}: {self._words(value)}" for label, value in self.facts.items())
        return Grid(
            self.title, tuple(heads), named, self.align or _sides(frame), facts,
            tuple(self._words(note) for note in self.notes if self.lang is None or not note.startswith(HINTS)),
        )  # fmt: skip

    def styled(
        self,
        *,
        digits: int | None = None,
        decimal: Decimal = ".",
        labels: Mapping[str, str] | None = None,
        lang: Language | None = None,
    ) -> Summary:
        """Give the same table with numbers and names written otherwise.

        Parameters
        ----------
        digits : int, optional
            Decimals of every number that is no count; four significant digits if not given.
        decimal : {".", ","}
            With the comma, thousands are set apart by a narrow space and the ends of intervals by a semicolon.
        labels : mapping of str to str, optional
            New names of columns and of what stands in the first column.
        lang : {"en", "sv", "da"}, optional
            As papers have it: short heads (SE, OR, p), the ends of intervals in brackets in one column (``conf_int`` in
            `labels`), p-values last, terms and levels by their labels in the codebook. Title, facts and notes stay as
            they are, but for notes that name further methods. If not given, the columns of the frame.

        Returns
        -------
        Summary
        """
        if lang is not None:
            check_option("lang", lang, get_args(Language))
        known = {
            *([] if lang is None else for_paper(self.frame, NumberStyle(), lang).columns.astype(str)),
            *map(str, self.frame.columns),
            *self.frame.iloc[:, :1].astype(str).to_numpy().ravel().tolist(),
        }
        check_labels(labels, known)
        named = {**self.labels, **(labels or {})}
        return replace(self, style=NumberStyle(digits, decimal), labels=named, lang=lang)

    def as_html(self) -> str:
        """HTML fragment without any look of its own: title, facts, table and notes."""
        return writers.html(self.grid)

    def as_word(self) -> str:
        """HTML fragment that keeps its look when pasted into Word: three rules, styles within every cell."""
        return writers.word(self.grid)

    def as_latex(self, *, label: str | None = None, floating: bool = True) -> str:
        r"""LaTeX with booktabs rules.

        Parameters
        ----------
        label : str, optional
            For ``\ref``.
        floating : bool, default True
            False: the tabular and its notes alone, without ``table`` and caption.

        Returns
        -------
        str
        """
        return writers.latex(self.grid, label, floating)

    def as_markdown(self) -> str:
        """Markdown pipe table, with the title above, facts and notes around; the footer's rows follow the others."""
        return writers.markdown(self.grid)

    def to_file(self, path: str | PathLike[str], format: Format | None = None) -> Path:
        """Write the table to a file; one that is there already is replaced.

        Parameters
        ----------
        path : str or path
        format : {"latex", "html", "word", "markdown", "text"}, optional
            By default as the name ends: ``.tex``, ``.html``, ``.md`` or ``.txt``; Word's is HTML too and must be named.

        Returns
        -------
        Path
        """
        if format is not None:
            check_option("format", format, FORMATS)
        target = Path(path)
        if format is None and target.suffix.lower() not in _SUFFIXES:
            raise OptionError(
                f"path={str(path)!r} ends with none of {', '.join(_SUFFIXES)}; end it so, or name the format."
            )
        chosen = _SUFFIXES[target.suffix.lower()] if format is None else format
        text = {
            "latex": lambda: self.as_latex() + "\n",
            "html": lambda: writers.page(self.title, self.as_html()),
            "word": lambda: writers.page(self.title, self.as_word()),
            "markdown": lambda: self.as_markdown() + "\n",
            "text": lambda: str(self) + "\n",
        }[chosen]()
        target.write_text(text, encoding="utf-8", newline="\n")
        return target

    def _repr_html_(self) -> str:
        return self.as_html()

    def _label(self, name: object) -> str:
        key = str(name)
        return self.labels.get(key, key if self.lang is None else levels([key], self.lang)[0])

    def _head(self, name: str) -> str:
        return self.labels.get(name, name if self.lang is None else head_of(name, self.lang))

    def _words(self, text: str) -> str:
        """Text with the numbers as in the table; formulas stay as they are."""
        return text if "~" in text else self.style.text(text)


def check_labels(labels: Mapping[str, str] | None, known: Iterable[str]) -> None:
    """Raise `OptionError` where labels are no mapping of texts or name what is not there."""
    if labels is None:
        return
    if not isinstance(labels, Mapping) or not all(isinstance(text, str) for text in labels.values()):
        raise OptionError(
            f"labels={labels!r} is no mapping of names to texts, such as {{'age': 'Age, years'}}."
        )
    there = list(dict.fromkeys(known))
    unknown = [str(name) for name in labels if name not in there]
    if unknown:
        near = [hit for name in unknown for hit in get_close_matches(name, there, 1)]
        hint = f" Close to {', '.join(map(repr, near))}." if near else f" There are {', '.join(there[:20])}."
        raise OptionError(
            f"labels name {', '.join(map(repr, unknown))}, which the table does not have.{hint}"
        )


def formatted(frame: pd.DataFrame) -> pd.DataFrame:
    """Format every cell as text: four significant digits, thousands separated, missing values empty."""
    cell = NumberStyle().cell
    return pd.DataFrame(
        {name: [cell(value) for value in frame[name]] for name in frame.columns}, dtype=object
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


def _sides(frame: pd.DataFrame) -> str:
    """Numbers to the right, text to the left."""
    return "".join("r" if _numbers_only(frame[name]) else "l" for name in frame.columns)


def _numbers_only(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column):
        return True
    cells = [value for value in column if isinstance(value, str) and value]
    return (
        bool(cells)
        and len(cells) == column.notna().sum() - (column == "").sum()
        and all(map(_one_number, cells))
    )


def _one_number(cell: str) -> bool:
    return is_numeric(cell) and cell[0] in "0123456789-<.\u2212"


def _aligned_facts(facts: Mapping[str, str]) -> list[str]:
    width = max((len(label) for label in facts), default=0)
    return [f"{label:<{width}}  {value}" for label, value in facts.items()]


def _text_rows(rows: list[tuple[str, ...]], align: str) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    place = {"l": str.ljust, "c": str.center, "r": str.rjust}
    return [
        "  ".join(
            place[side](cell, width) for cell, width, side in zip(row, widths, align, strict=True)
        ).rstrip()
        for row in rows
    ]
