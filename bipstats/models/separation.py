"""Coefficients that run off to infinity: found before the fit where one column does it, named in every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bipstats.core.columns import MANY, Floats, Ints, listed
from bipstats.errors import ModelError
from bipstats.models.kernels.separation import (
    Risks,
    Sides,
    events_told_apart,
    extremes,
    monotone_columns,
    risk_contrast,
    risk_cuts,
    rows_told_apart,
    separating_columns,
    separating_direction,
    side_contrast,
    side_cuts,
)

MERGE = "Merge levels or leave the term out."
PENALISE = 'Merge levels, leave the term out, or penalise the likelihood: bip.logit(..., penalty="firth").'
FOLLOW = "Merge levels, leave the term out, or give the rows a longer follow-up."


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns to be looked at one by one: those of the matrix and the reference levels, which have none.

    Attributes
    ----------
    x : (n, p) array
    names : tuple of str
        Of the p columns and the r reference levels.
    factors : tuple of tuple of int
        Columns of the other levels, for each reference level.
    """

    x: Floats
    names: tuple[str, ...]
    factors: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, x: Floats, names: tuple[str, ...], references: Mapping[str, str] | None) -> Columns:
        """Add the reference level of every factor of three levels or more."""
        start = x[:1000]
        binary = ((start == 0) | (start == 1)).all(axis=0)  # splines, whose names look alike, are not
        factors: dict[str, list[int]] = {}
        for j, name in enumerate(names):
            if binary[j] and name.endswith("]") and ":" not in name:
                factors.setdefault(name.partition("[")[0], []).append(j)
        whole = {name: tuple(places) for name, places in factors.items() if len(places) > 1}
        titles = tuple(f"{name}[{(references or {}).get(name, 'reference level')}]" for name in whole)
        return cls(x, names + titles, tuple(whole.values()))

    def values(self, j: int, rows: Ints | slice) -> Floats:
        """Values of one column in some rows."""
        p = self.x.shape[1]
        return self.x[rows, j] if j < p else 1.0 - self.x[rows][:, self.factors[j - p]].sum(axis=1)


def _is_binary(values: Floats) -> bool:
    return bool(((values == 0) | (values == 1)).all())


@dataclass(frozen=True, slots=True)
class _Finding:
    """One side of a column, what is wrong with it, and in how many rows."""

    name: str
    side: str
    share: str
    rows: float


def refuse_separation(
    x: Floats,
    names: tuple[str, ...],
    successes: Floats,
    trials: Floats,
    *,
    level: Ints | None = None,
    within: str = "level",
    references: Mapping[str, str] | None = None,
    cure: str = MERGE,
) -> None:
    """Refuse columns that alone separate rows with the event from rows without: their coefficient is infinite.

    Parameters
    ----------
    x : (n, p) array
    names : tuple of str
    successes, trials : (n,) arrays
        Events and the number of rows they came from.
    level : (n,) integer array, optional
        Factor with an effect of its own per level (periods, groups); one intercept if not given.
    within : str
        What its levels are called, for the message.
    references : mapping of str to str, optional
        Reference level of each categorical column.
    cure : str
        How to mend it.

    Raises
    ------
    ModelError
        Which terms, which levels or values, and how many rows.
    """
    columns = Columns.of(x, names, references)
    codes = np.zeros(len(x), np.int64) if level is None else level
    sides = _sides(x, codes, successes, trials)
    signs = separating_columns(columns.values, len(columns.names), sides)
    found, hidden = [], []
    for j in map(int, np.flatnonzero(signs)):
        values, name = columns.values(j, slice(None)), columns.names[j]
        parts = _thresholds(name, values, sides, trials, int(signs[j]))
        if not parts:
            word = "lower" if signs[j] > 0 else "higher"
            told = trials[rows_told_apart(signs[j : j + 1].astype(float), _column(values, sides))].sum()
            found.append(
                f"within every {within}, {presentable([name], names)[0]} is never {word} in a row with the event "
                f"than in one without ({_rows(told)} told apart)"
            )
        hidden += [part for part in parts if _is_hidden(part.name, names)]
        found += [_sentence(part) for part in parts if not _is_hidden(part.name, names)]
    _raise([*found, *_counted(hidden, names)], cure)


def refuse_monotone(
    names: tuple[str, ...], risks: Risks, *, references: Mapping[str, str] | None = None
) -> None:
    """Refuse columns in which the partial likelihood rises without bound.

    Parameters
    ----------
    names : tuple of str
    risks : Risks
    references : mapping of str to str, optional
        Reference level of each categorical column.

    Raises
    ------
    ModelError
        Levels without events, and columns that are highest (lowest) at every event among the rows at risk.
    """
    columns = Columns.of(risks.x, names, references)
    signs = monotone_columns(columns.values, len(columns.names), risks)
    found, hidden = [], []
    for j in map(int, np.flatnonzero(signs)):
        values, name = columns.values(j, slice(None)), columns.names[j]
        own = values[risks.died]
        if _is_binary(values) and (own == own[0]).all():
            empty = 1 - int(own[0])
            part = _Finding(name, f" = {empty}", "no events", float((values == empty).sum()))
            if _is_hidden(name, names):
                hidden.append(part)
            else:
                found.append(_sentence(part))
            continue
        word = "highest" if signs[j] > 0 else "lowest"
        shown = presentable([name], names)[0]
        found.append(
            f"{shown} is {word} of all rows at risk for the row that has the event, at each of the {len(own):,} events"
        )
    _raise([*found, *_counted(hidden, names)], FOLLOW)


def refuse_never_at_risk(at_risk: Floats, idle: Callable[[], Floats], names: tuple[str, ...]) -> None:
    """Refuse levels none of whose rows is at risk when an event happens: nothing is known of their hazard.

    Parameters
    ----------
    at_risk : (n, p) array
        Rows at risk at some event time.
    idle : callable
        Gives the other rows, (m, p).
    names : tuple of str
    """
    empty = [j for j in np.flatnonzero(~at_risk[:1000].any(axis=0)) if not at_risk[:, j].any()]
    others = idle() if empty else at_risk
    found = [
        f"{presentable([names[j]], names)[0]} = 1 is never at risk when an event happens ({_rows(others[:, j].sum())})"
        for j in empty
        if others[:, j].any() and _is_binary(others[:, j])
    ]
    _raise(list(dict.fromkeys(found)), FOLLOW)


def separated_sides(
    x: Floats,
    names: tuple[str, ...],
    level: Ints,
    successes: Floats,
    trials: Floats,
    *,
    within: str,
    cure: str = MERGE,
) -> ModelError | None:
    """Look for a combination of columns that separates events from the rest within every level.

    Parameters
    ----------
    x : (n, p) array
        Standardised.
    names : tuple of str
    level : (n,) integer array
    successes, trials : (n,) arrays
    within : str
        What the levels are called; not said if there is one only.
    cure : str
    """
    sides = _sides(x, level, successes, trials)
    direction = separating_direction(side_contrast(sides), side_cuts(sides))
    if direction is None:
        return None
    told, all_rows = trials[rows_told_apart(direction, sides)].sum(), trials.sum()
    where = f"within every {within}, " if level.any() else ""
    return ModelError(
        f"separation: {where}{_combined(direction, names)} is never lower in a row with the event than in one "
        f"without, and tells {told:,.0f} of {_rows(all_rows)} apart perfectly. The coefficients have no finite "
        f"estimate.\n  {cure}"
    )


def separated_risks(names: tuple[str, ...], risks: Risks) -> ModelError | None:
    """Look for a combination of (standardised) columns in which the partial likelihood is monotone."""
    direction = separating_direction(risk_contrast(risks), risk_cuts(risks))
    if direction is None:
        return None
    return ModelError(
        f"separation: {_combined(direction, names)} is highest of all rows at risk for the row that has the event, at "
        f"each of the {len(risks.died):,} events (at {events_told_apart(direction, risks):,} of them higher than for "
        f"some other). The coefficients have no finite estimate.\n  {FOLLOW}"
    )


def presentable(chosen: list[str], names: tuple[str, ...]) -> list[str]:
    """Terms for a message: a level of a column with very many (persons?) is not named."""
    sizes = Counter(name.partition("[")[0] for name in names)
    shown = []
    for name in chosen:
        column = name.partition("[")[0]
        shown.append(f"{column}[one of {sizes[column]:,} levels]" if sizes[column] > MANY else name)
    return list(dict.fromkeys(shown))


def _sides(x: Floats, level: Ints, successes: Floats, trials: Floats) -> Sides:
    return Sides(
        x, level, successes > 0, trials - successes > 1e-9 * trials
    )  # sums of weights may be rounded


def _column(values: Floats, sides: Sides) -> Sides:
    return Sides(values[:, None], sides.level, sides.hit, sides.missed)


def _thresholds(name: str, values: Floats, sides: Sides, trials: Floats, sign: int) -> list[_Finding]:
    """Values beyond which there are only events or none, if the same holds for all levels of the factor."""
    everywhere = Sides(values[:, None], np.zeros(len(values), np.int64), sides.hit, sides.missed)
    low, high, low_missed, high_missed = (float(end[0]) for end in extremes(values, everywhere))
    if sign > 0 and high_missed <= low:
        ends = ((values > high_missed, ">", low), (values < low, "<", high_missed))
    elif sign < 0 and high <= low_missed:
        ends = ((values < low_missed, "<", high), (values > high, ">", low_missed))
    else:
        return []
    found = []
    for share, (rows, relation, nearest) in zip(("only events", "no events"), ends, strict=True):
        if rows.any():
            same = bool((values[rows] == nearest).any())
            side = f" = {values[rows][0]:g}" if _is_binary(values) else f" {relation}{'=' * same} {nearest:g}"
            found.append(_Finding(name, side, share, float(trials[rows].sum())))
    return found


def _sentence(part: _Finding) -> str:
    return f"{part.name}{part.side} has {part.share} in {_rows(part.rows)}"


def _rows(total: float) -> str:
    """A number of rows, or what they weigh if that is no whole number."""
    whole = abs(total - round(total)) < 1e-6
    return f"{total:,.0f} rows" if whole else f"rows of weight {total:,.4g}"


def _is_hidden(name: str, names: tuple[str, ...]) -> bool:
    return presentable([name], names) != [name]


def _counted(hidden: list[_Finding], names: tuple[str, ...]) -> list[str]:
    """Levels of a column with very many, counted instead of named."""
    found = []
    for (column, share), count in Counter(
        (part.name.partition("[")[0], part.share) for part in hidden
    ).items():
        total = sum(
            part.rows for part in hidden if (part.name.partition("[")[0], part.share) == (column, share)
        )
        size = sum(name.partition("[")[0] == column for name in names)
        found.append(f"{column}: {count:,} of {size:,} levels have {share} ({_rows(total)})")
    return found


def _combined(direction: Floats, names: tuple[str, ...]) -> str:
    """Terms of a direction, the heaviest first."""
    order = np.argsort(-np.abs(direction))
    chosen = [names[j] for j in order if abs(direction[j]) > 1e-6 * abs(direction[order[0]])]
    shown = presentable(chosen, names)
    return shown[0] if len(chosen) == 1 else f"a combination of {listed(shown)}"


def _raise(found: list[str], cure: str) -> None:
    if found:
        raise ModelError(f"separation: {listed(found)}. The coefficient has no finite estimate.\n  {cure}")
