"""Published figures and estimates side by side, each pair with its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log

import numpy as np
import pandas as pd

from bipstats.replication.estimate import Estimate, Quantities, Unavailable
from bipstats.replication.targets import Published, Target, figure_of, figures, targets
from bipstats.replication.verdict import (
    RATIO_MARGIN,
    Verdict,
    about_zero,
    agreement,
    not_comparable,
    not_estimated,
    on_simulated,
    over_definitions,
    share_margin,
    sign,
)

COLUMNS = (
    "id",
    "statement",
    "kind",
    "published",
    "scale",
    "estimand",
    "population",
    "time zero",
    "horizon",
    "definition",
    "target",
    "estimate",
    "interval",
    "n",
    "verdict",
    "note",
)
DETAIL_COLUMNS = ("id", "definition", "role", "estimate", "interval", "n", "verdict", "note")

Truths = Mapping[tuple[str, str], float]
Errors = Mapping[str, float]

_CALIBRATED_WORLD = ("calibrated_world", "1 yes, 0 no")
"""Row of `Study.truth` that says whether the published figures were what its parameters were chosen for."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One definition of a figure, or what stands beside it.

    Attributes
    ----------
    id, definition : str
    role : str
        ``main``, ``admissible``, ``beside`` or ``truth``.
    found : Estimate or Unavailable
    verdict : Verdict or None
        None where nothing is judged.
    """

    id: str
    definition: str
    role: str
    found: Estimate | Unavailable
    verdict: Verdict | None


def ledger(
    quantities: Quantities, errors: Errors, truth: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set every published figure against its estimate.

    Parameters
    ----------
    quantities : mapping of str to Estimate or Unavailable
    errors : mapping of str to float
        Assumed sampling error of a BIP-sized study by quantity.
    truth : pandas.DataFrame, optional
        `Study.truth` of simulated data.

    Returns
    -------
    table, details : pandas.DataFrame
        The ledger, one row per figure and part; and every definition of each, with the true values of
        simulated data.
    """
    known = figures()
    truths = _truths(truth)
    rows, details = [], []
    for target in targets():
        figure = figure_of(target, known)
        row, more = _row(target, figure, quantities, errors, truths)
        rows.append(row)
        details.extend(more)
    return _frame(rows, COLUMNS), _frame([_detail_cells(item) for item in details], DETAIL_COLUMNS)


def _row(
    target: Target, figure: Published, quantities: Quantities, errors: Errors, truths: Truths | None
) -> tuple[dict[str, object], list[Detail]]:
    """One row of the ledger with its definitions."""
    calibrated = target.target and truths is not None and truths.get(_CALIBRATED_WORLD) == 1
    main = quantities[target.quantity] if target.quantity else Unavailable(target.incomparable)
    details = _details(target, figure, main, quantities, errors)
    verdict = on_simulated(_verdict(target, details), calibrated=calibrated, target=target.target)
    details = [_marked(item, calibrated) for item in details]
    if truths is not None:
        details += [
            Detail(target.id, label, "truth", _true(truths, *key), None) for *key, label in target.truth
        ]
    estimate = main if isinstance(main, Estimate) else None
    built_in = target.generator if truths is not None else ""
    notes = (verdict.note, target.note, built_in, estimate.note if estimate else "")
    row = {
        "id": target.id,
        "statement": figure.statement,
        "kind": figure.kind,
        "published": figure.value,
        "scale": target.scale,
        "estimand": target.estimand,
        "population": target.population,
        "time zero": target.time_zero,
        "horizon": target.horizon,
        "definition": target.definition,
        "target": "yes" if target.target else "no",
        **_numbers(main),
        "verdict": verdict.word,
        "note": "; ".join(note for note in notes if note),
    }
    return row, details


def _details(
    target: Target, figure: Published, main: Estimate | Unavailable, quantities: Quantities, errors: Errors
) -> list[Detail]:
    """The row's own definition, the admissible others, and what is shown beside."""
    if not target.quantity:
        return []
    judged = [(target.quantity, target.label, "main", main)]
    judged += [(name, label, "admissible", quantities[name]) for name, label in target.admissible]
    made = [
        Detail(target.id, label, role, found, _judge(target, figure, found, errors.get(name, float("nan"))))
        for name, label, role, found in judged
    ]
    return made + [
        Detail(target.id, label, "beside", quantities[name], None) for name, label in target.beside
    ]


def _marked(item: Detail, calibrated: bool) -> Detail:
    """A definition of a calibration target, marked as its row is."""
    if item.verdict is None:
        return item
    return replace(item, verdict=on_simulated(item.verdict, calibrated=calibrated, target=calibrated))


def _verdict(target: Target, details: list[Detail]) -> Verdict:
    """The verdict of a row from those of its definitions."""
    if target.incomparable:
        return not_comparable(target.incomparable)
    main, *others = (item.verdict for item in details if item.verdict is not None)
    return over_definitions(main, others)


def _judge(target: Target, figure: Published, found: Estimate | Unavailable, error: float) -> Verdict | None:
    """The verdict on one definition; None where numbers are not compared."""
    if target.incomparable:
        return None
    if isinstance(found, Unavailable):
        return not_estimated(found.reason)
    if target.judge in ("ratio", "share"):
        return _judge_number(target, figure, found, error)
    interval = found.working_interval()
    if target.judge == "zero":
        return about_zero(found.working_interval(0.90), interval)
    return sign(interval, -1 if target.judge == "negative" else 1)


def _judge_number(target: Target, figure: Published, found: Estimate, error: float) -> Verdict:
    ratio = target.judge == "ratio"
    return agreement(
        found.value,
        found.sampling_error,
        log(figure.value) if ratio else figure.value,
        RATIO_MARGIN if ratio else share_margin(target.printed),
        error,
        found.working_interval(0.90),
        0.0 if ratio else None,
    )


def calibration(truth: pd.DataFrame | None) -> tuple[bool, str]:
    """Whether a study comes from a calibrated world, and what its truth says about that."""
    if truth is None:
        return False, ""
    row = truth[truth["quantity"] == _CALIBRATED_WORLD[0]]
    if row.empty:
        return False, "its truth does not say from which world it comes"
    return float(row["value"].iloc[0]) == 1, str(row["how"].iloc[0]).removesuffix("; exact")


def _truths(truth: pd.DataFrame | None) -> Truths | None:
    """Values of `Study.truth` by quantity and scale."""
    if truth is None:
        return None
    keys = zip(truth["quantity"].astype(str), truth["scale"].astype(str), strict=True)
    return dict(zip(keys, truth["value"].astype(float), strict=True))


def _true(truths: Truths, quantity: str, scale: str) -> Estimate | Unavailable:
    """A true value as an estimate without error; a log hazard is shown as a hazard ratio."""
    value = truths.get((quantity, scale), float("nan"))
    if np.isnan(value):
        return Unavailable("the study's truth does not say")
    if scale == "log hazard":
        return Estimate(value, float("nan"), 0, "ratio", "", "hazard ratio")
    return Estimate(value, float("nan"), 0, "difference", "")


def _numbers(found: Estimate | Unavailable) -> dict[str, object]:
    """The cells ``estimate, interval, n``."""
    if isinstance(found, Unavailable):
        return {"estimate": np.nan, "interval": None, "n": pd.NA}
    low, high = found.interval()
    interval = None if np.isnan(low) else pd.Interval(low, high, closed="both")
    return {"estimate": found.shown, "interval": interval, "n": found.n or pd.NA}


def _detail_cells(item: Detail) -> dict[str, object]:
    verdict = item.verdict or Verdict("")
    about = item.found.note if isinstance(item.found, Estimate) else item.found.reason
    notes = dict.fromkeys(note for note in (verdict.note, about) if note)
    return {
        "id": item.id,
        "definition": item.definition,
        "role": item.role,
        **_numbers(item.found),
        "verdict": verdict.word,
        "note": "; ".join(notes),
    }


def _frame(rows: Iterable[Mapping[str, object]], columns: tuple[str, ...]) -> pd.DataFrame:
    """A frame with exactly `columns`; intervals and counts in dtypes that know missing values."""
    cells = pd.DataFrame([[row[name] for name in columns] for row in rows], columns=list(columns))
    bounds = [(np.nan, np.nan) if cell is None else (cell.left, cell.right) for cell in _intervals(rows)]
    low, high = zip(*bounds, strict=True)
    cells["interval"] = pd.arrays.IntervalArray.from_arrays(low, high, closed="both")
    return cells.astype({"n": "Int64", "estimate": "float64"})


def _intervals(rows: Iterable[Mapping[str, object]]) -> list[pd.Interval | None]:
    return [row["interval"] for row in rows]  # type: ignore[misc]
