"""`docs/recovery.md`, from `results.csv` alone."""

from __future__ import annotations

from pathlib import Path

from .results import Key, Line
from .rows import ROWS
from .tally import Number, performance
from .worlds import WORLDS

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"

_HEAD = """\
# Recovery

What the estimators make of studies whose truth is known. Everything on this page is SYNTHETIC: no number in it is a
result of BIP. `make recovery` (or `python -m tests.recovery --studies 1000 --jobs 2`) simulates, estimates, adds to
`tests/recovery/results.csv` and writes this page from it.

Every row is tried in worlds of `bip.scenarios()`, on studies of 4,000 clients (study s of world W is
`bip.simulate(bip.scenarios()[W], rng=s)`), and is held against **two truths**: the *limit*, what the same estimator
gives on a few studies of 100,000 clients, which tests its standard errors; and the *causal* truth, what the world's
parameters or counterfactuals say, which tests the estimator. An estimator can have good errors and be wrong:
coverage of the limit says that the interval does what it promises, coverage of the causal truth whether that is what
one wanted to know.

- Ratios are on the log scale. **bias** is the mean estimate less the truth, **sd** the spread of the estimates over
  studies, **error** the root mean square of the reported standard errors, **covers** the share of 95 % intervals that
  hold the truth, **power** the share that leave out zero; **S** is the share of these with the wrong sign, **M** their
  mean size over the causal truth.
- In brackets the Monte Carlo error of each number [Morris, White and Crowther 2019]. With 1,000 studies a coverage of
  .95 is known to about ±.014; with fewer the brackets say what can be claimed. No brackets: an error below .0005.
- Worlds called *fixed* keep the same 300 caseworkers in every study and redraw the clients; in the others both are
  redrawn. The limit is then that of these caseworkers, with more clients each, so that what depends on the size of
  caseloads has another limit there. Worlds called *by lot* let interventions fall on clients by lot: their limits are
  the causal truths of progression.
- The same seeds serve every world, so that the Monte Carlo errors of two worlds are related.
- Rows called *oracle* use the latent causes, which no study has: they show that the simulation and the estimator agree
  when nothing is hidden.
"""
_TITLES = (
    "quantity",
    "studies",
    "limit",
    "causal",
    "bias to limit",
    "sd",
    "error",
    "covers limit",
    "bias to causal",
    "covers causal",
    "power",
    "S",
    "M",
)
_STATISTICS = (
    "bias, limit",
    "empirical error",
    "reported error",
    "coverage, limit",
    "bias, causal",
    "coverage, causal",
    "power",
    "type S",
    "type M",
)


def write(lines: dict[Key, Line], path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(page(lines), encoding="utf-8", newline="\n")


def page(lines: dict[Key, Line]) -> str:
    """Give the page as text."""
    parts = [_HEAD]
    for world in WORLDS.values():
        mine = [line for line in lines.values() if line.world == world.name]
        if mine:
            parts.append(_section(world.name, world.statement, world.clients, mine))
    return "\n".join(parts)


def _section(name: str, statement: str, clients: int, lines: list[Line]) -> str:
    title = f"## {name[0].upper()}{name[1:]}\n\n{statement} {clients:,} clients a study.\n"
    head = [
        f"| {' | '.join(_TITLES)} |",
        f"|:---|{'---:|' * (len(_TITLES) - 1)}",
    ]
    rows, notes = [], []
    row = ""
    for line in lines:
        if line.row != row:
            row = line.row
            rows.append(f"| **{row}** {'|' * len(_TITLES)}")
        rows.append(f"| {' | '.join(_cells(line))} |")
        notes += [
            f"- {line.row}, {line.quantity}: {count} without an estimate ({reason})"
            for reason, count in sorted(line.tally.why.items())
        ]
    told = f"\nStudies without an estimate:\n\n{chr(10).join(notes)}\n" if notes else ""
    return "\n".join([title, *head, *rows, told])


def _cells(line: Line) -> list[str]:
    levels = {quantity for row in ROWS if row.name == line.row for quantity in row.levels}
    found = performance(line.tally, line.limit, line.causal, tested=line.quantity not in levels)
    numbers = [_number(found.get(name)) for name in _STATISTICS]
    return [line.quantity, f"{line.tally.n:,}", _number(line.limit), _number(line.causal), *numbers]


def _number(number: Number | None) -> str:
    """Three digits after the point, with the Monte Carlo error in brackets; nothing where there is none."""
    if number is None:
        return ""
    error = f" ({_short(number.mc_error)})" if number.mc_error >= 0.0005 else ""
    return f"{_short(number.value)}{error}"


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.0e}"
    text = f"{value:.3f}".replace("-0.000", "0.000")
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
