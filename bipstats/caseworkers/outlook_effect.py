"""Entry of clients whose caseworker generally believes in clients, against those whose caseworker does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.netting import NETTINGS
from bipstats.caseworkers.outlook import Outlook, read_outlook, require_differences
from bipstats.caseworkers.outlook_balance import Shuffle, observed, permuted, shuffle
from bipstats.caseworkers.outlook_estimates import (
    CONTRASTS,
    Incidence,
    Problem,
    Split,
    drawn,
    estimates,
    exposure_of_pairs,
)
from bipstats.caseworkers.outlook_instrument import instrumental
from bipstats.caseworkers.outlook_result import OrientationEffect
from bipstats.caseworkers.outlook_rows import Clients, PersonQuarters, clients, person_quarters, quarters
from bipstats.core.columns import Floats
from bipstats.core.estimates import check_level
from bipstats.core.resample import draws as run
from bipstats.errors import OptionError, check_option
from bipstats.register.outcomes import check_weeks
from bipstats.seeds import seed_sequence
from bipstats.threads import one_thread

if TYPE_CHECKING:
    from bipstats.study.study import Study

Outcomes = Literal["both", "job", "job_or_education"]
_OUTCOMES: tuple[Literal["job", "job_or_education"], ...] = ("job", "job_or_education")


def orientation_effect(
    study: Study,
    *,
    split: Split = "median",
    outcome: Outcomes = "both",
    horizon: int = 52,
    draws: int = 500,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    jobs: int | None = None,
    progress: bool | None = None,
) -> OrientationEffect:
    r"""Estimate the effect of a caseworker with high job orientation on entry, and of belief by way of it.

    Parameters
    ----------
    study : Study
    split : {"median", "tertiles", "continuous"}
        High against low at the median of the clients; thirds; or per standard deviation of true orientation.
    outcome : {"both", "job", "job_or_education"}
    horizon : int, default 52
        Weeks after the first measurement for the incidence; the hazard is of the whole follow-up.
    draws : int, default 500
        Bootstrap draws, and permutations for the balance.
    level : float, default 0.95
    rng : None, int or numpy.random.Generator
        A whole number gives the same result for any number of workers.
    jobs : int, optional
        Workers; None: what ``joblib.parallel_config`` says, else one.
    progress : bool, optional
        None: only on a terminal or in a notebook.

    Returns
    -------
    OrientationEffect
        Incidence ratio and difference first, hazard ratio second; ``.balance``, ``.instrument``.

    Raises
    ------
    ModelError
        Orientation cannot be estimated or does not differ, or too few entries are left; the message counts.

    Notes
    -----
    Orientation is that of `orientation`, shrunken, of others' earlier first answers. Incidence: a logit of entry within
    the horizon, competing exits being no entry, on exposure, job centre and the characteristics of the netting,
    averaged over all clients with everybody at high and at low orientation. Hazard: complementary log-log of
    person-quarters with the orientation of the caseworker of the time.

    Orientation is estimated, and so are slopes, variances and cuts. Each draw gives every caseworker with all first
    answers and all clients a random exponential weight (Bayesian bootstrap) and estimates everything again: netting,
    shrinkage, cuts, logit; of the hazard one step of iteratively reweighted least squares. A caseworker's clients stay
    together and stay with the caseworker, so that leaving out the client means the same in each draw. Fixed are who was
    whose client, who was earlier than whom, and clients' later caseworkers.

    Balance: under random assignment within job centres a client's characteristics and the mean of the others' answers
    are negatively related by construction (Guryan, Kroft & Notowidigdo 2009), so the relation is compared with that
    after permuting characteristics within job centres, answers moved along and orientation estimated anew.

    Instrument: entry is regressed on the answer about this client, which orientation moves; reduced form over first
    stage, with the Anderson-Rubin interval, which holds however weak the first stage is and may be unbounded; and UJIVE
    with all caseworkers as instruments. The ratio is an effect of belief only if orientation works through the belief
    in this client alone and clients come to caseworkers by chance; caseworkers' other merits do no harm if they are
    unrelated to orientation. A linear model of the share entered: two-stage least squares has no such meaning for
    hazards.

    References
    ----------
    Anderson, T. & Rubin, H. (1949). Estimation of the parameters of a single equation in a complete system of
    stochastic equations. *Annals of Mathematical Statistics*.
    Guryan, J., Kroft, K. & Notowidigdo, M. (2009). Peer effects in the workplace: evidence from random groupings in
    professional golf tournaments. *AEJ: Applied Economics*.
    Kolesár, M. (2013). Estimation in an instrumental variables model with treatment effect heterogeneity. Working
    paper. Rubin, D. (1981). The Bayesian bootstrap. *Annals of Statistics*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.orientation_effect(bip.simulate(clients=800, rng=1), draws=20, rng=1)
    >>> found.table["quantity"].unique().tolist()
    ['incidence, low', 'incidence, high', 'incidence ratio', 'incidence difference', 'hazard ratio']
    """
    check_option("split", split, tuple(CONTRASTS))
    check_option("outcome", outcome, ("both", *_OUTCOMES))
    check_weeks("horizon", horizon)
    check_level(level)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 2:
        raise OptionError(f"draws={draws!r} is not a whole number of at least 2.")
    outcomes = _OUTCOMES if outcome == "both" else (outcome,)
    found = read_outlook(study)
    require_differences(found)
    samples = [clients(study, found, name, horizon) for name in outcomes]
    periods = [person_quarters(study, found, name) for name in outcomes]
    ones = np.ones(len(found.answers.caseworkers))
    with one_thread():  # as the draws are computed: else the last digits would depend on where
        problems = [_problem(found, place, split, samples, periods) for place in range(len(NETTINGS))]
        point = np.stack([estimates(problem, ones) for problem in problems])
    again, chance = seed_sequence(rng).spawn(2)
    copies = np.stack(
        run(
            drawn,
            draws,
            problems,
            rng=np.random.default_rng(again),
            jobs=jobs,
            shown=progress,
            label="bootstrap",
        )
    )
    shuffles = [shuffle(found, place, split, samples[0]) for place in range(len(NETTINGS))]
    balance, joint = _balance(shuffles, draws, np.random.default_rng(chance), jobs, progress)
    with one_thread():
        instrument = [
            instrumental(found, rows, name, level) for rows, name in zip(samples, outcomes, strict=True)
        ]
    counts = (*found.answers.flow, *samples[0].flow, ("caseworkers of the clients", _caseworkers(samples[0])))
    return OrientationEffect(
        effects=_effects(point, copies, problems, outcomes, split, level),
        balance=balance,
        joint_p=joint,
        instrument=pd.concat(instrument, ignore_index=True),
        split=split,
        horizon=horizon,
        draws=draws,
        level=level,
        counts=counts,
    )


def _caseworkers(rows: Clients) -> int:
    return len(np.unique(rows.caseworker))


def _problem(
    found: Outlook, place: int, split: Split, samples: Sequence[Clients], periods: Sequence[PersonQuarters]
) -> Problem:
    """Fit the models of a netting on the data, for the draws to start from."""
    incidences = tuple(Incidence.of(rows, place) for rows in samples)
    bare = Problem(found.layouts[place], found.before, split, incidences, (), ())
    ones = np.ones(len(found.answers.caseworkers))
    exposed = exposure_of_pairs(bare, ones)
    starts = tuple(one.fit(exposed[one.pair], ones[one.caseworker]) for one in incidences)
    hazards = tuple(quarters(one.rows, one.terms(place), exposed, found) for one in periods)
    return Problem(found.layouts[place], found.before, split, incidences, starts, hazards)


def _balance(
    shuffles: list[Shuffle],
    draws: int,
    rng: np.random.Generator,
    jobs: int | None,
    progress: bool | None,
) -> tuple[pd.DataFrame, tuple[tuple[str, float], ...]]:
    """Characteristics by orientation with p-values by permutation, and the joint p-values."""
    tables, joint = [], []
    for task, netting in zip(shuffles, NETTINGS, strict=True):
        here = observed(task)
        copies = np.stack(run(permuted, draws, task, rng=rng, jobs=jobs, shown=progress, label="permutation"))
        centre = copies.mean(axis=0)
        far = np.abs(copies[:, :-1] - centre[:-1]) >= np.abs(here.difference - centre[:-1]) - 1e-12
        tables.append(
            pd.DataFrame(
                {
                    "netting": netting,
                    "characteristic": task.outlook.answers.names,
                    "low": here.low,
                    "high": here.high,
                    "difference": here.difference,
                    "by_chance": centre[:-1],
                    "p_value": (1 + far.sum(axis=0)) / (1 + draws),
                }
            )
        )
        joint.append((netting, float((1 + (copies[:, -1] >= here.joint - 1e-12).sum()) / (1 + draws))))
    return pd.concat(tables, ignore_index=True), tuple(joint)


def _effects(
    point: Floats,
    copies: Floats,
    problems: Sequence[Problem],
    outcomes: Sequence[str],
    split: Split,
    level: float,
) -> pd.DataFrame:
    """Estimates with intervals, normal on the scale of the logarithm for ratios, of the logit for incidences."""
    reach = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for k, netting in enumerate(NETTINGS):
        for j, name in enumerate(outcomes):
            events = (int(problems[k].incidences[j].entered.sum()), problems[k].quarters[j].entries)
            for c, contrast in enumerate(CONTRASTS[split]):
                lines = _lines(point[k, j, c], copies[:, k, j, c], reach, events)
                about = {"netting": netting, "outcome": name, "contrast": contrast}
                rows += [about | line for line in lines]
    return pd.DataFrame(rows)


def _lines(point: Floats, copies: Floats, reach: float, events: tuple[int, int]) -> list[dict[str, object]]:
    """One contrast: two incidences, their ratio and difference, the hazard ratio."""
    low, high, difference, ratio, hazard = range(5)
    logit = np.log(point[:2] / (1 - point[:2]))
    spread = np.log(copies[:, :2] / (1 - copies[:, :2])).std(axis=0, ddof=1)
    lines = []
    for name, place in (("incidence, low", low), ("incidence, high", high)):
        ends = 1 / (1 + np.exp(-(logit[place] + np.array([-reach, reach]) * spread[place])))
        error = float(spread[place] * point[place] * (1 - point[place]))
        lines.append(_line(name, point[place], error, ends, events[0]))
    error = float(copies[:, ratio].std(ddof=1))
    ends = np.exp(point[ratio] + np.array([-reach, reach]) * error)
    lines.append(
        _line("incidence ratio", np.exp(point[ratio]), error * np.exp(point[ratio]), ends, events[0])
    )
    error = float(copies[:, difference].std(ddof=1))
    ends = point[difference] + np.array([-reach, reach]) * error
    lines.append(_line("incidence difference", point[difference], error, ends, events[0]))
    error = float(copies[:, hazard].std(ddof=1))
    ends = np.exp(point[hazard] + np.array([-reach, reach]) * error)
    lines.append(_line("hazard ratio", np.exp(point[hazard]), error * np.exp(point[hazard]), ends, events[1]))
    return lines


def _line(quantity: str, value: float, error: float, ends: Floats, entries: int) -> dict[str, object]:
    return {
        "quantity": quantity,
        "estimate": float(value),
        "std_error": float(error),
        "conf_low": float(ends[0]),
        "conf_high": float(ends[1]),
        "entries": entries,
    }
