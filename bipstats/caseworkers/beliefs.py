"""The caseworker's belief in this client: what goes with it, how well it foretells, and what a change reveals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.after_switch import (
    BELIEFS,
    NEW_AND_FORMER_BELIEF,
    NEW_AND_FORMER_OUTLOOK,
    OUTLOOKS,
    by_beliefs,
    by_outlooks,
)
from bipstats.caseworkers.belief_models import (
    FIRST,
    entry_hazard,
    entry_logit,
    standardised,
    with_first_answer,
)
from bipstats.caseworkers.belief_result import Belief
from bipstats.caseworkers.cross_fit import FOLDS, folds, log_odds
from bipstats.caseworkers.effect_rows import tidied
from bipstats.caseworkers.first_answers import BELIEF
from bipstats.caseworkers.outlook import read_outlook
from bipstats.caseworkers.usable import complete, terms
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.estimates import check_level
from bipstats.core.result import Result
from bipstats.errors import ModelError, check_option
from bipstats.models.kernels.roc import delong
from bipstats.register.outcomes import check_weeks, outcomes
from bipstats.seeds import generator
from bipstats.timeline.landmarks import landmarks
from bipstats.timeline.person_periods import person_periods
from bipstats.timeline.spells import spells

if TYPE_CHECKING:
    from bipstats.study.study import Study

Entry = Literal["job_or_education", "job"]
QUARTER, YEAR = 13, 52
_FOREVER = 10_000  # weeks for which answers are carried where a change of caseworker is looked at
LEVELS = (1, 2, 3, 4, 5)
_OTHERS = tuple(key for key in INDICATORS if key != BELIEF)
_MODELS = {
    "register": BACKGROUND,
    "register and other answers": (*_OTHERS, *BACKGROUND),
    "register and all answers": (*INDICATORS, *BACKGROUND),
}


def belief(
    study: Study,
    *,
    outcome: Entry = "job_or_education",
    horizon: int = 52,
    level: float = 0.95,
    rng: int | np.random.Generator | None = 0,
) -> Belief:
    r"""Relate the caseworker's belief in a client to the client's entry.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job"}
        Of the effects and the changes of caseworker; calibration and prediction show both.
    horizon : int, default 52
        Weeks after the first measurement, for shares and prediction.
    level : float, default 0.95
    rng : None, int or numpy.random.Generator, default 0
        For the folds of the predictions.

    Returns
    -------
    Belief
        ``.table`` (effects of one step), ``.calibration``, ``.discrimination``, ``.switches``.

    Raises
    ------
    ModelError
        The answers do not vary, or nobody entered; the message counts.

    Notes
    -----
    Effects: complementary log-log of person-quarters on all 11 answers, background and job centre, clustered by
    caseworker, with answers carried for a year and of the last quarter only; and with the first answer in the model, so
    that one coefficient is that of the change since. Effects of clients are never removed by fixed effects: entry ends
    the spell, so that the client's mean covers a span that the outcome chose. At the first measurement: odds ratio,
    risk ratio and risk difference within the horizon, by a logit and averaging.

    Calibration: share entered by first answer among those whom the data follow over the horizon (a competing exit is no
    entry), with Wilson's interval, beside the mean prediction from register and the other answers, by models that have
    not seen the client. A gap between the two is what belief knows, or does, beyond them.

    Discrimination: areas under the curve among the same clients, cross-fitted in five folds; differences with DeLong's
    error on the same clients, which takes the predictions as given.

    Changes of caseworker: person-quarters after a change on the answer of the new caseworker and the last one of the
    former, all else as above; and on the orientation of both towards others. If belief or orientation works, the new
    one counts. If clients were sorted to caseworkers by prospects that only these see, the former one goes on counting.

    References
    ----------
    Allison, P. & Christakis, N. (2006). Fixed-effects methods for the analysis of nonrepeated events. *Sociological
    Methodology*.
    DeLong, E., DeLong, D. & Clarke-Pearson, D. (1988). Comparing the areas under two or more correlated receiver
    operating characteristic curves. *Biometrics*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.belief(bip.simulate(clients=1000, rng=1))
    >>> found.calibration["belief"].tolist()
    [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    """
    check_option("outcome", outcome, ("job_or_education", "job"))
    check_weeks("horizon", horizon)
    check_level(level)
    draw = generator(rng)
    first = {
        name: landmarks(study, at="first", horizon=horizon, outcome=name)
        for name in ("job", "job_or_education")
    }
    followed = {name: rows[rows["full_horizon"]].reset_index(drop=True) for name, rows in first.items()}
    notes: list[str] = []
    rows = spells(study, outcome=outcome, carry_weeks=YEAR)
    effects = _effects(study, rows, first[outcome], outcome, horizon, notes)
    predicted = {name: _predictions(one, draw, name, notes) for name, one in followed.items()}
    calibration = [_calibration(followed[name], predicted[name], name, level) for name in followed]
    areas = [_areas(predicted[name], name, level) for name in followed]
    lost = len(first[outcome]) - len(followed[outcome])
    counts = (
        ("clients at risk at their first measurement", len(first[outcome])),
        ("not followed over the horizon", lost),
        ("without an answer on belief", int(followed[outcome][BELIEF].isna().sum())),
    )
    switches = _switches(study, outcome, level, notes)
    return Belief(
        effects=effects,
        calibration=pd.concat(calibration, ignore_index=True),
        discrimination=pd.concat(areas, ignore_index=True),
        switches=switches,
        outcome=outcome,
        horizon=horizon,
        level=level,
        counts=counts,
        notes=tuple(dict.fromkeys(note for note in notes if note)),
    )


def _effects(
    study: Study, rows: pd.DataFrame, first: pd.DataFrame, outcome: Entry, horizon: int, notes: list[str]
) -> pd.DataFrame:
    """Rows ``term, scale, value, error, entries``; logarithms of ratios."""

    def registered() -> int:
        return int((outcomes(study, outcome)["event"] == 1).sum())

    periods = person_periods(rows, QUARTER)
    fresh = person_periods(spells(study, outcome=outcome, carry_weeks=QUARTER), QUARTER)
    lines = []
    for name, data in (("answers carried for a year", periods), ("answers of the last quarter", fresh)):
        fit, more = entry_hazard(data, registered)
        notes += more
        lines.append(_slope(fit, (BELIEF,), f"one step more, {name}"))
    fit, more = entry_hazard(with_first_answer(periods, first), registered, FIRST)
    notes += more
    if FIRST in fit.params.index:
        lines.append(_slope(fit, (BELIEF, FIRST), "first answer, one step more"))
        lines.append(_slope(fit, (BELIEF,), "change since the first answer, one step more"))
    known = first.assign(entered=first["entered"].where(first["full_horizon"]))
    at_first, used, more = entry_logit(known, registered)
    notes += more
    within = f"first answer, one step more, within {horizon} weeks"
    lines.append(_slope(at_first, (BELIEF,), within) | {"scale": "odds ratio"})
    ratio, difference = standardised(at_first, used)
    for scale, (value, error) in (("risk ratio", ratio), ("risk difference", difference)):
        lines.append(
            {"term": within, "scale": scale, "value": value, "error": error, "entries": at_first.n_events}
        )
    return pd.DataFrame(lines)


def _slope(fit: Result, names: tuple[str, ...], term: str) -> dict[str, object]:
    """Sum of slopes with its error."""
    chosen = fit.params.index.isin(names).astype(float)
    value = float(chosen @ fit.params.to_numpy())
    error = float(np.sqrt(chosen @ fit.estimates.covariance @ chosen))
    return {"term": term, "scale": "hazard ratio", "value": value, "error": error, "entries": fit.n_events}


def _predictions(rows: pd.DataFrame, draw: np.random.Generator, name: str, notes: list[str]) -> pd.DataFrame:
    """Clients with all answers: ``entered``, the answer on belief, and cross-fitted log odds by model."""
    right, constant = terms(rows, *INDICATORS, *BACKGROUND)
    notes.append(constant)
    rows = complete(rows, right).reset_index(drop=True)
    entered = rows["entered"].to_numpy(dtype=float) == 1
    if min(entered.sum(), (~entered).sum()) < 2 * FOLDS:
        notes.append(
            f"{int(entered.sum()):,} of {len(rows):,} clients with all answers entered {name.replace('_', ' ')}: "
            f"prediction needs {2 * FOLDS} who did and who did not"
        )
        return pd.DataFrame()
    fold = folds(entered, draw)
    columns = {
        model: log_odds(rows, fold, lambda data, names=names: terms(data, *names)[0])  # type: ignore[misc]
        for model, names in _MODELS.items()
    }
    return pd.DataFrame({"entered": entered, "belief": rows[BELIEF].astype(int), **columns})


def _calibration(rows: pd.DataFrame, predicted: pd.DataFrame, name: str, level: float) -> pd.DataFrame:
    """Shares by answer with Wilson's interval; expected without the answer, where that could be predicted."""
    answer = rows[BELIEF].to_numpy(dtype=float, na_value=np.nan)
    entered = rows["entered"].to_numpy(dtype=float)
    n = np.array([np.sum(answer == k) for k in LEVELS])
    came = np.array([entered[answer == k].sum() for k in LEVELS])
    low, high = wilson(came, n, level)
    expected = np.full(len(LEVELS), np.nan)
    if len(predicted):
        p = 1 / (1 + np.exp(-predicted["register and other answers"]))
        expected = p.groupby(predicted["belief"]).mean().reindex(LEVELS).to_numpy()
    with np.errstate(invalid="ignore"):
        share = came / n
    return pd.DataFrame(
        {
            "outcome": name,
            "belief": LEVELS,
            "clients": n,
            "answers": n / max(n.sum(), 1),
            "entered": came.astype(int),
            "share": share,
            "conf_low": low,
            "conf_high": high,
            "expected": expected,
        }
    )


def wilson(count: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval for shares; NaN where n is 0."""
    z2 = stats.norm.ppf(0.5 + level / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        p = count / n
        centre = (count + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (n * p * (1 - p) + z2 / 4)) / (n + z2)
    empty = n == 0
    return np.where(empty, np.nan, np.maximum(centre - half, 0)), np.where(
        empty, np.nan, np.minimum(centre + half, 1)
    )


def _areas(predicted: pd.DataFrame, name: str, level: float) -> pd.DataFrame:
    """Areas under the curve, and what each set of answers adds."""
    if not len(predicted):
        return pd.DataFrame()
    entered = predicted["entered"].to_numpy()
    area, covariance = delong(entered, predicted[list(_MODELS)].to_numpy().T)
    reach = stats.norm.ppf(0.5 + level / 2)
    weights = {model: np.eye(3)[place] for place, model in enumerate(_MODELS)}
    weights |= {
        "other answers beyond the register": np.array([-1.0, 1.0, 0.0]),
        "belief beyond register and other answers": np.array([0.0, -1.0, 1.0]),
    }
    lines = []
    for model, weight in weights.items():
        value, error = float(weight @ area), float(np.sqrt(weight @ covariance @ weight))
        ends = value - reach * error, value + reach * error
        lines.append((name, model, value, error, *ends, int(entered.sum()), len(predicted)))
    columns = ["outcome", "model", "area", "std_error", "conf_low", "conf_high", "entered", "clients"]
    return pd.DataFrame(lines, columns=columns)


def _switches(study: Study, outcome: Entry, level: float, notes: list[str]) -> pd.DataFrame:
    """Hazard ratios of new and former caseworker after a change, in tidy form with ``entries``; empty where unknown."""
    parts = []
    for names, columns, made in (
        (
            BELIEFS,
            NEW_AND_FORMER_BELIEF,
            lambda: by_beliefs(study, spells(study, outcome=outcome, carry_weeks=_FOREVER)),
        ),
        (OUTLOOKS, NEW_AND_FORMER_OUTLOOK, lambda: by_outlooks(study, read_outlook(study), outcome)),
    ):
        try:
            fit = made()
        except ModelError as error:
            notes.append(str(error))
            continue
        value, spread = fit.params[list(columns)].to_numpy(), fit.bse[list(columns)].to_numpy()
        frame = tidied(list(names), value, spread, np.ones(2, dtype=bool), level)
        parts.append(frame.assign(entries=fit.n_events))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
