"""A table of text as LaTeX, HTML, Markdown and HTML to paste into Word. Takes text only; numbers are written before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from bipstats.numbers import with_minus

_LATEX = {sign: rf"\{sign}" for sign in "&%#_${}"} | {
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\`{}", '"': "''", "\n": " ",
    "\u2212": "$-$", "–": "--", "—": "---", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\le$", "≥": r"$\ge$",
    "≈": r"$\approx$", "≠": r"$\ne$", "·": r"$\cdot$", "∞": r"$\infty$", "→": r"$\to$", "√": r"$\surd$",
    "²": "$^2$", "³": "$^3$", "½": "$1/2$", "°": r"$^\circ$", "…": r"\ldots{}", "’": "'", "‘": "`", "“": "``",
    "”": "''", "\u202f": r"\,", "\u2009": r"\,", "\u00a0": "~", "α": r"$\alpha$", "β": r"$\beta$",
    "γ": r"$\gamma$", "δ": r"$\delta$", "Δ": r"$\Delta$", "θ": r"$\theta$", "κ": r"$\kappa$", "λ": r"$\lambda$",
    "μ": r"$\mu$", "ρ": r"$\rho$", "σ": r"$\sigma$", "τ": r"$\tau$", "χ": r"$\chi$", "ω": r"$\omega$",
}  # fmt: skip
"""Letters with marks (å ä ö æ ø é) go as they are: LaTeX reads UTF-8 since 2018."""

_SIDES = {"l": "left", "c": "center", "r": "right"}
_WORD_FONT = "font-family:'Times New Roman',serif;font-size:10pt"
_THICK, _THIN = "1.5pt solid #000000", "0.75pt solid #000000"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table in which everything is text.

    Attributes
    ----------
    title : str
    heads : tuple of tuple of str
        Lines of column heads.
    parts : tuple of tuple of tuple of str
        Rows; between two parts stands a line.
    align : str
        ``l``, ``c`` or ``r`` by column.
    facts, notes : tuples of str
    """

    title: str
    heads: tuple[tuple[str, ...], ...]
    parts: tuple[tuple[tuple[str, ...], ...], ...]
    align: str
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def latex(grid: Grid, label: str | None = None, floating: bool = True) -> str:
    """LaTeX with booktabs' three rules; facts and notes in small print beneath."""
    rows = [r"\toprule", *map(_tex_row, grid.heads)]
    for part in grid.parts:
        rows += [r"\midrule", *map(_tex_row, part)]
    table = [rf"\begin{{tabular}}{{{grid.align}}}", *rows, r"\bottomrule", r"\end{tabular}"]
    notes = [tex(with_minus(note)) + r"\par" for note in (*grid.facts, *grid.notes)]
    beneath = [
        r"\par\smallskip\noindent", r"\begin{minipage}{\linewidth}\footnotesize\raggedright", *notes, r"\end{minipage}",
    ]  # fmt: skip
    lines = [*table, *(beneath if notes else [])]
    if not floating:
        lines = [r"\noindent", *lines]
    else:
        head = [r"\begin{table}[htbp]", r"\centering"]
        head += [rf"\caption{{{tex(grid.title)}}}\smallskip"] if grid.title else []
        head += [rf"\label{{{label}}}"] if label else []
        lines = [*head, *lines, r"\end{table}"]
    return "\n".join([r"% needs \usepackage{booktabs}", *lines])


def html(grid: Grid) -> str:
    """HTML fragment: title, facts, table and notes, without any look of its own."""
    sides = [_SIDES[one] for one in grid.align]
    facts = " · ".join(_shown(fact) for fact in grid.facts)
    notes = "".join(f"<p><small>{_shown(note)}</small></p>" for note in grid.notes)
    head = "".join(_html_row(row, sides, "th") for row in grid.heads)
    body = "".join(
        f"<tbody>{''.join(_html_row(row, sides, 'td') for row in part)}</tbody>" for part in grid.parts
    )
    return (
        f"<div><p><strong>{_shown(grid.title)}</strong></p><p><small>{facts}</small></p>"
        f"<table><thead>{head}</thead>{body}</table>{notes}</div>"
    )


def word(grid: Grid) -> str:
    """HTML that keeps its look when pasted into Word: styles and borders stand in every cell."""
    above: list[tuple[tuple[str, ...], str]] = [(row, "") for row in grid.heads]
    above[0] = (above[0][0], f"border-top:{_THICK};")
    for part in grid.parts:
        above += [(row, "" if number else f"border-top:{_THIN};") for number, row in enumerate(part)]
    last = len(above) - 1
    rows = "".join(
        _word_row(row, grid.align, edge + (f"border-bottom:{_THICK};" if number == last else ""), number)
        for number, (row, edge) in enumerate(above)
    )
    paragraph = f"margin:2pt 0 0 0;{_WORD_FONT.replace('10pt', '9pt')}"
    notes = "".join(f'<p style="{paragraph}">{_shown(note)}</p>' for note in (*grid.facts, *grid.notes))
    title = f'<p style="margin:0 0 4pt 0;{_WORD_FONT}"><b>{_shown(grid.title)}</b></p>' if grid.title else ""
    table = (
        f'<table cellspacing="0" cellpadding="0" style="border-collapse:collapse;{_WORD_FONT}">{rows}</table>'
    )
    return f"<div>{title}{table}{notes}</div>"


def markdown(grid: Grid) -> str:
    """Markdown pipe table, with the title above, facts and notes around; later parts follow the first."""
    names = [" ".join(filter(None, column)) for column in zip(*grid.heads, strict=True)]
    rule = [{"l": ":---", "c": ":---:", "r": "---:"}[one] for one in grid.align]
    body = [row for part in grid.parts for row in part]
    rows = ([_mark(name) for name in names], rule, *(list(map(_mark, row)) for row in body))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    facts = "\n".join(f"- {_mark(fact)}" for fact in grid.facts)
    title = f"**{_mark(grid.title)}**" if grid.title else ""
    return "\n\n".join(block for block in (title, facts, table, *map(_mark, grid.notes)) if block)


def page(title: str, fragment: str) -> str:
    """Make a file of a fragment; the first line inside says how its letters are stored."""
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body>{fragment}</body></html>\n"
    )


def tex(text: str) -> str:
    """Escape what LaTeX would read as marks."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _tex_row(row: tuple[str, ...]) -> str:
    line = " & ".join(tex(with_minus(cell)) for cell in row) + r" \\"
    return "{}" + line if line[0] in "[*" else line  # else a bracket would belong to the row before


def _html_row(row: tuple[str, ...], sides: list[str], tag: str) -> str:
    cells = "".join(
        f'<{tag} style="text-align:{side}">{_shown(cell)}</{tag}>'
        for cell, side in zip(row, sides, strict=True)
    )
    return f"<tr>{cells}</tr>"


def _word_row(row: tuple[str, ...], align: str, edges: str, number: int) -> str:
    cells = "".join(
        f'<td style="{edges}padding:1pt 6pt;text-align:{_SIDES[one]};{_WORD_FONT}">{_shown(cell) or "&#160;"}</td>'
        for cell, one in zip(row, align, strict=True)
    )
    return f"<tr>{cells}</tr>"


def _shown(text: str) -> str:
    return escape(with_minus(text))


def _mark(text: str) -> str:
    """Escape what Markdown would read as marks."""
    return re.sub(r"([\\`*_|<>\[\]~^$])", r"\\\1", with_minus(text).replace("\n", " "))
