"""From a frame to units with rows: what mass points need to be told apart, and who entered late."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, group_codes, require_columns
from bipstats.core.covariance import Vcov
from bipstats.errors import ModelError, OptionError
from bipstats.models.binomial import BinomialRows, fit_binomial
from bipstats.models.hazard_rows import HazardRows, HazardSpecification, period_codes
from bipstats.models.kernels.binomial import BinomialProblem
from bipstats.models.kernels.mixture import Law, MixtureProblem
from bipstats.models.kernels.mixture_rows import Channel, channel
from bipstats.models.mixture_fit import ChannelTerms, MixtureRows, OnePoint, unit_frame

DelayedEntry = Literal["raise", "condition", "ignore"]


def find_id(data: pd.DataFrame, id: str | None) -> str:
    """Column of the units: as named, else ``client``."""
    name = id or ("client" if "client" in data.columns else None)
    if name is None:
        raise OptionError("mass points are shared by the rows of one unit; name its column by id=.")
    require_columns(data, [name], "id=")
    group_codes(data, name, "id=")
    return name


def refuse_unidentified(unit: Ints, period: Ints, event: Floats, id: str, within: str) -> None:
    """Refuse data in which nothing tells a mixing law.

    Parameters
    ----------
    unit, period : (n,) integer arrays
    event : (n,) array
        Events of the row.
    id, within : str
        Columns, for the messages.
    """
    n_units = len(np.unique(unit))
    if n_units < 2:
        raise ModelError(f"column {id!r} has one value only; heterogeneity needs many units.")
    pairs = len(np.unique(unit * (int(period.max()) + 1) + period))
    if pairs == n_units:
        raise ModelError(
            f"each of the {n_units:,} values of {id!r} is at risk in one {within} only: how the hazard changes among "
            "those who stay is not seen, and mass points are not identified. Use shorter periods or longer follow-up."
        )
    if len(np.unique(period[event > 0])) == 1:
        raise ModelError(
            f"all {int(event.sum()):,} events lie in one {within}: how the hazard changes among those who stay is not "
            "seen, and mass points are not identified."
        )


def hazard_mixture(
    found: HazardRows,
    spec: HazardSpecification,
    data: pd.DataFrame,
    id: str,
    delayed_entry: DelayedEntry,
    vcov: Vcov,
) -> MixtureRows:
    """Rows of a discrete-time hazard by unit, with those before entry where they are asked for."""
    rows = found.rows
    problem = rows.problem
    assert isinstance(problem, BinomialProblem)
    unit = group_codes(rows.data, id, "id=")
    refuse_unidentified(
        unit, period_codes(rows.data[spec.period])[0], problem.successes, id, f"period ({spec.period!r})"
    )
    n_units = int(unit.max()) + 1
    late = _late_entries(data, spec, id, delayed_entry)
    before: tuple[Channel, ...] = ()
    if delayed_entry == "condition" and len(late):
        _refuse_condition(data, spec, id)
        before = (_before(found, unit, late, id),)
    terms = channel_terms(rows, "")
    first = np.unique(unit, return_index=True)[1].astype(np.int64)
    return MixtureRows(
        MixtureProblem((_channel(problem, unit, n_units, before),), before, n_units),
        (terms,),
        unit_frame(rows.data, id, vcov, first),
        id,
        rows.n_rows,
        rows.n_events,
        rows.flow,
    )


def _channel(problem: BinomialProblem, unit: Ints, n_units: int, before: tuple[Channel, ...]) -> Channel:
    """All rows of the likelihood's numerator: those before entry too."""
    parts = [
        (problem.x, problem.level, problem.successes, problem.trials, problem.offset, unit),
        *((rows.x, rows.level, rows.events, rows.trials, rows.offset, rows.unit) for rows in before),
    ]
    x, level, events, trials, offset, units = (np.concatenate(column) for column in zip(*parts, strict=True))
    n_levels = problem.by_level.shape[0]
    return channel(x, level, events, trials, offset, problem.link, units, n_levels=n_levels, n_units=n_units)


def binomial_channel(problem: BinomialProblem, unit: Ints, n_units: int) -> Channel:
    """Rows of one hazard by unit."""
    return _channel(problem, unit, n_units, ())


def channel_terms(rows: BinomialRows, prefix: str) -> ChannelTerms:
    """Terms of a hazard whose baseline has an effect per level, as `binomial_rows` made them."""
    problem = rows.problem
    assert isinstance(problem, BinomialProblem)
    n_levels = problem.by_level.shape[0]
    return ChannelTerms(
        prefix,
        rows.names[1:],
        rows.transform[0, n_levels:],
        np.diag(rows.transform)[n_levels:],
    )


def one_point(*hazards: BinomialRows) -> OnePoint:
    """Fit each hazard by itself, without heterogeneity."""
    structural, intercepts, iterations = [], [], 0
    for rows in hazards:
        problem, best = rows.problem, fit_binomial(rows, "model").best
        assert isinstance(problem, BinomialProblem)
        n_levels = problem.by_level.shape[0]
        effects = best.params[:n_levels]
        structural += [effects[1:] - effects[0], best.params[n_levels:]]
        intercepts.append(effects[0])
        iterations += best.iterations
    return OnePoint(Law(np.concatenate(structural), np.array([intercepts]), np.zeros(1)), iterations)


def _late_entries(
    data: pd.DataFrame, spec: HazardSpecification, id: str, delayed_entry: DelayedEntry
) -> pd.DataFrame:
    """Units that enter after the first period: their id and its period's code."""
    known = data[spec.period].notna().to_numpy()
    codes, _ = period_codes(data.loc[known, spec.period])
    entry = pd.DataFrame({"id": data.loc[known, id].to_numpy(), "code": codes}).groupby("id")["code"].min()
    late = entry[entry > 0].reset_index()
    if len(late) and delayed_entry == "raise":
        raise late_entry_error(len(late), len(entry), id)
    return late


def late_entry_error(n_late: int, n_units: int, id: str) -> ModelError:
    """Error for units that are not seen from time zero on."""
    return ModelError(
        f"{n_late:,} of {n_units:,} values of {id!r} enter after time zero: who has survived until entry is no random "
        "draw from the mixing law (Ridder 1984).\n"
        '  Count time from entry; or delayed_entry="condition" divides by the chance of survival to entry, with '
        'covariates as they are in the first row; or delayed_entry="ignore" takes the law as that at entry, the same '
        "for all."
    )


def _refuse_condition(data: pd.DataFrame, spec: HazardSpecification, id: str) -> None:
    if spec.baseline != "period":
        raise OptionError('delayed_entry="condition" needs an effect per period: baseline="period".')
    if spec.exposure is not None:
        raise OptionError(
            'delayed_entry="condition" needs whole periods: exposure= does not say whether its share was lost before '
            "or after the time at risk. bip.piecewise_exponential knows the times themselves."
        )
    twice = int(data.duplicated([id, spec.period]).sum())
    if twice:
        raise ModelError(
            f'delayed_entry="condition" needs one row per {id!r} and {spec.period!r}, so that the time at risk before '
            f"entry is known; {twice:,} rows repeat one."
        )


def _before(found: HazardRows, unit: Ints, late: pd.DataFrame, id: str) -> Channel:
    """Whole periods before entry, with the covariates of the first row and no event."""
    rows = found.rows
    problem = rows.problem
    assert isinstance(problem, BinomialProblem)
    order = np.lexsort((problem.level, unit))
    first = order[np.unique(unit[order], return_index=True)[1]]
    position = pd.Index(rows.data[id].to_numpy()[first]).get_indexer(pd.Index(late["id"]))
    entry = late["code"].to_numpy()[position >= 0]
    own = position[position >= 0]
    with_events = pd.Index(list(found.levels)).get_indexer(pd.Index(list(found.periods)))
    earlier = with_events[None, :] < entry[:, None]
    which, level = np.nonzero(earlier)
    source = first[own[which]]
    n = len(source)
    return channel(
        problem.x[source],
        level,
        np.zeros(n),
        np.ones(n),
        np.zeros(n),
        problem.link,
        unit[source],
        n_levels=problem.by_level.shape[0],
        n_units=int(unit.max()) + 1,
    )
