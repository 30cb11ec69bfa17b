"""From person-periods to two hazards per person: the first treatment, and the outcome before and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Ints, Missing, complete_rows, group_codes, numbers, require_columns
from bipstats.core.covariance import Vcov
from bipstats.core.design import Design, formula_columns
from bipstats.errors import ModelError, OptionError
from bipstats.models.binomial_rows import counting_rows
from bipstats.models.hazard_rows import (
    BaselineKind,
    HazardRows,
    HazardSpecification,
    period_codes,
    prepare,
)
from bipstats.models.inputs import event_column, event_indicator
from bipstats.models.kernels.binomial import BinomialProblem
from bipstats.models.kernels.mixture import MixtureProblem
from bipstats.models.mixture_fit import MixtureRows, unit_frame
from bipstats.models.mixture_rows import binomial_channel, channel_terms, refuse_unidentified

Flags = NDArray[np.bool_]
PREFIXES = ("outcome:", "treatment:")
_NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class TimingSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    treatment: str
    treated: str
    event: str
    period: str
    exposure: str | None
    id: str
    effect: tuple[int, ...]
    baseline: BaselineKind
    missing: Missing
    points: int = 1

    @property
    def hazards(self) -> tuple[HazardSpecification, HazardSpecification]:
        """The outcome's hazard, with the effect in it, and the treatment's."""
        outcome = HazardSpecification(
            f"{self.outcome} + {self.treated}",
            self.event,
            self.period,
            self.exposure,
            "cloglog",
            self.missing,
            self.baseline,
            id=self.id,
        )
        return outcome, replace(outcome, formula=self.treatment, event=self.treated)

    @property
    def effect_labels(self) -> tuple[str, ...]:
        """Names of the times since treatment; none with a constant effect."""
        edges = self.effect
        closed = [f"{low}-{high - 1}" if high - 1 > low else f"{low}" for low, high in pairwise(edges)]
        return (*closed, f"{edges[-1]}+") if edges else ()


def read_effect(effect: object) -> tuple[int, ...]:
    """Ascending whole numbers of periods since treatment, from zero; empty for a constant effect."""
    if isinstance(effect, str) and effect == "constant":
        return ()
    given = list(effect) if isinstance(effect, list | tuple | np.ndarray) else []
    whole = all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in given)
    if not given or not whole or given[0] != 0 or any(b <= a for a, b in pairwise(given)):
        raise OptionError(
            f'effect={effect!r} is neither "constant" nor an ascending list of whole periods since treatment that '
            "begins with 0, e.g. [0, 13, 26]."
        )
    return tuple(int(value) for value in given)


@dataclass(frozen=True, slots=True)
class TimingRows:
    """Rows ready for the search.

    Attributes
    ----------
    rows : MixtureRows
    outcome, treatment : HazardRows
    n_treated : int
        Persons who start treatment.
    n_together : int
        Those of them whose outcome falls in the same period.
    """

    rows: MixtureRows
    outcome: HazardRows
    treatment: HazardRows
    n_treated: int
    n_together: int


@dataclass(frozen=True, slots=True)
class _History:
    """Rows in the order of persons and time.

    Attributes
    ----------
    order : (n,) integer array
    unit, period : (n,) integer arrays
        Codes, in that order.
    event, treated, first : (n,) boolean arrays
        In that order; `first` is a person's first row.
    """

    order: Ints
    unit: Ints
    period: Ints
    event: Flags
    treated: Flags
    first: Flags

    @property
    def starts(self) -> Flags:
        """Rows in which treatment starts."""
        return self.treated & ~np.concatenate([[False], self.treated[:-1]]) | (self.treated & self.first)


def prepare_timing(
    spec: TimingSpecification, data: pd.DataFrame, vcov: Vcov, designs: tuple[Design, Design] | None
) -> TimingRows:
    """Check histories and build both hazards (or reuse their designs)."""
    _check_columns(spec, data)
    history = _history(spec, data)
    refuse_histories(spec, history)
    ordered = data.iloc[history.order].reset_index(drop=True)
    covariates = [*formula_columns(spec.outcome), *formula_columns(spec.treatment)]
    require_columns(data, covariates)
    complete, n_missing = complete_rows(ordered, covariates, spec.missing)
    frames = [
        frame.loc[frame.index.intersection(complete.index)] for frame in _frames(spec, ordered, history)
    ]
    made = designs or (None, None)
    found = [
        _hazard(name, own, frame, vcov, design)
        for name, own, frame, design in zip(("outcome", "treatment"), spec.hazards, frames, made, strict=True)
    ]
    ids = pd.Index(pd.unique(np.concatenate([one.rows.data[spec.id].to_numpy() for one in found])))
    codes = [ids.get_indexer(pd.Index(one.rows.data[spec.id])).astype(np.int64) for one in found]
    problems = [one.rows.problem for one in found]
    assert all(isinstance(problem, BinomialProblem) for problem in problems)
    channels = tuple(
        binomial_channel(problem, code, len(ids))  # type: ignore[arg-type]
        for problem, code in zip(problems, codes, strict=True)
    )
    refuse_unidentified(
        codes[0], period_codes(found[0].rows.data[spec.period])[0], problems[0].successes, spec.id, "period"
    )
    places = np.flatnonzero(history.first)
    places = places[pd.Index(ordered[spec.id].iloc[places]).get_indexer(ids)]
    rows = MixtureRows(
        MixtureProblem(channels, (), len(ids)),
        tuple(channel_terms(one.rows, prefix) for one, prefix in zip(found, PREFIXES, strict=True)),
        unit_frame(ordered, spec.id, vcov, places),
        spec.id,
        found[0].rows.n_rows,
        found[0].rows.n_events,
        _flow(len(data), n_missing, found[0]),
    )
    together = int((history.starts & history.event).sum())
    return TimingRows(rows, found[0], found[1], int(history.starts.sum()), together)


def _flow(n_rows: int, n_missing: int, outcome: HazardRows) -> tuple[tuple[str, int], ...]:
    """Rows given and left out; those of the outcome's hazard after that."""
    missing = (("with missing values", n_missing),) if n_missing else ()
    return ("given", n_rows), *missing, *outcome.rows.flow[1:]


def _check_columns(spec: TimingSpecification, data: pd.DataFrame) -> None:
    exposure = [] if spec.exposure is None else [spec.exposure]
    history = [spec.treated, event_column(spec.event), spec.period, spec.id, *exposure]
    require_columns(data, history, "an argument")
    for name in history:
        lost = int(data[name].isna().sum())
        if lost:
            raise ModelError(f"column {name!r} is missing in {lost:,} rows; histories must be complete.")
    for which, formula in (("outcome", spec.outcome), ("treatment", spec.treatment)):
        if spec.treated in formula_columns(formula):
            raise OptionError(
                f"{which}= names {spec.treated!r}; the effect of treatment is added by itself (effect=)."
            )


def _history(spec: TimingSpecification, data: pd.DataFrame) -> _History:
    unit = group_codes(data, spec.id, "id=")
    period = period_codes(data[spec.period])[0]
    order = np.lexsort((period, unit))
    values = numbers(data[spec.treated])
    strange = int((~np.isin(values, (0.0, 1.0))).sum())
    if strange:
        raise ModelError(
            f"column {spec.treated!r} must hold 0 before and 1 from the start of treatment on; {strange:,} rows hold "
            "others."
        )
    unit = unit[order]
    first = np.concatenate([[True], unit[1:] != unit[:-1]])
    event = event_indicator(data, spec.event)[order]
    return _History(order, unit, period[order], event, values[order] == 1.0, first)


def refuse_histories(spec: TimingSpecification, history: _History) -> None:
    """Refuse histories that are no single treatment after time zero followed by at most one outcome."""
    inside = ~history.first[1:]
    step = history.period[1:] - history.period[:-1]
    treated, id = history.treated, repr(spec.id)
    if not treated.any():
        raise ModelError(f"nobody starts treatment: column {spec.treated!r} is 0 in every row.")
    n_units = int(history.first.sum())
    if n_units < 2:
        raise ModelError(f"column {id} has one value only; heterogeneity needs many units.")
    _refuse(
        int((treated & history.first).sum()),
        n_units,
        f"values of {id} are treated in their first row: at time zero, before which nothing is seen. The model is for "
        "treatments that start later; leave these persons out, and say so.",
    )
    _refuse(
        len(np.unique(history.unit[1:][inside & treated[:-1] & ~treated[1:]])),
        n_units,
        f"values of {id} leave treatment again. The model is for one first treatment whose effect may change with time "
        "since its start; treatments that come and go are a problem of dynamic assignment (Sianesi 2004; Vikström "
        f"2017). Keep {spec.treated!r} at 1 from the first start on.",
    )
    _refuse(int((inside & (step == 0)).sum()), len(history.unit), f"rows repeat a period of the same {id}.")
    _refuse(
        len(np.unique(history.unit[1:][inside & (step > 1)])),
        n_units,
        f"values of {id} lack periods between their first and their last; a treatment may start there unseen.",
    )
    _refuse(
        int((history.first & (history.period > 0)).sum()),
        n_units,
        f"values of {id} enter after the first period: who has survived until entry is no random draw from the mixing "
        "law (Ridder 1984). Count periods from entry.",
    )
    _refuse(
        len(np.unique(history.unit[1:][inside & history.event[:-1]])),
        n_units,
        f"values of {id} have rows after the outcome. The model is for one first outcome; end the rows with it.",
    )


def _refuse(count: int, of: int, words: str) -> None:
    if count:
        raise ModelError(f"{count:,} of {of:,} {words}")


def _frames(
    spec: TimingSpecification, ordered: pd.DataFrame, history: _History
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows at risk of the outcome, with the effect's column; and at risk of a first treatment."""
    effect = history.treated.astype(float)
    outcome = ordered.assign(**{spec.treated: effect if not spec.effect else _since(spec, ordered, history)})
    # Nobody starts in the first period, by the checks: it says nothing about the hazard of a treatment.
    at_risk = (~history.treated | history.starts) & ~history.first
    treatment = ordered.assign(**{spec.treated: effect})[at_risk]
    return outcome, treatment


def _since(spec: TimingSpecification, ordered: pd.DataFrame, history: _History) -> pd.Categorical:
    """Periods since the start of treatment as labels, ``not yet`` before it."""
    began = np.zeros(int(history.unit.max()) + 1, np.int64)
    began[history.unit[history.starts]] = history.period[history.starts]
    since = history.period - began[history.unit]
    piece = np.where(history.treated, np.searchsorted(spec.effect, since, side="right"), 0)
    labels = (_NOT_YET, *spec.effect_labels)
    empty = [label for code, label in enumerate(labels) if not (piece == code).any()]
    if empty:
        raise ModelError(
            f"nobody is seen at {', '.join(empty)} periods since treatment; take the cut out of effect=."
        )
    return pd.Categorical(np.array(labels)[piece], categories=list(labels))


def _hazard(
    name: str, spec: HazardSpecification, frame: pd.DataFrame, vcov: Vcov, design: Design | None
) -> HazardRows:
    """Prepare one hazard; what is refused says which."""
    try:
        return counting_rows(
            lambda collapse: prepare(spec, frame, vcov, design, collapse=collapse), vcov, spec.id
        )
    except ModelError as error:
        raise ModelError(f"{name} hazard: {error}") from None
