"""Progression by class of intervention, compared as a careful evaluator would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.core.estimates import check_level
from bipstats.effects.average_effects import Method
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.interventions.channels import Channels
from bipstats.interventions.composite import composite
from bipstats.interventions.contrast_result import ClassContrast
from bipstats.interventions.designs import (
    ADJUSTED,
    COLUMNS,
    NAMES,
    against_first,
    by_start,
    frame_of,
    placebo,
    sensitivity,
    side_by_side,
    weighted,
)
from bipstats.interventions.pairs import pairs, record_facts
from bipstats.progression.index import Items, Readiness, Version, readiness
from bipstats.progression.three_waves import heise
from bipstats.register.outcomes import check_weeks
from bipstats.seeds import generator
from bipstats.timeline.measurements import measurements

if TYPE_CHECKING:
    from bipstats.study.study import Study

_STRENGTHS = np.round(np.linspace(0, 0.15, 31), 3)


def contrast(
    study: Study,
    outcome: Literal["readiness", "composite"] = "readiness",
    *,
    version: Version = "mean",
    items: Items = "reference",
    method: Method = "aipw",
    longest_gap: int = 16,
    channels: pd.DataFrame | None = None,
    margin: float = 0.03,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> ClassContrast:
    r"""Compare progression between classes of intervention: none, other only, job only, job + other.

    Parameters
    ----------
    study : Study
    outcome : {"readiness", "composite"}
        Change of the index per quarter among those measured again; or an outcome in which entry into job or education
        ranks above every change, those not measured again weighted for. The result has both; this chooses the means.
    version : {"mean", "factor", "job model"}
        The index, as in `bip.progression.readiness`.
    items : {"reference", "client", "caseworker"}
        Whose answers make it. By one rater alone the differences are in `ClassContrast.raters` in any case.
    method : {"aipw", "ipw", "overlap", "regression", "raw"}
        How means are adjusted, as in `bip.average_effects`.
    longest_gap : int
        Weeks between two measurements beyond which a pair is left out.
    channels : pandas.DataFrame, optional
        Records ``client, channel, start, end`` that make the classes in the place of the interventions: none, each
        channel alone, several. For a study that keeps, say, channels of job search.
    margin : float
        Standard deviations of the index per quarter that count as no progression.
    level : float, default 0.95
    rng : None, int or numpy.random.Generator
        For the folds of ``"aipw"``.

    Returns
    -------
    ClassContrast

    Raises
    ------
    ModelError
        No client was measured twice, or fewer than two classes have pairs enough.

    Notes
    -----
    Change per 13 weeks, in standard deviations of the index at the first measurement, by the class of the weeks between
    the two measurements. Everything is adjusted for the index at the start, the background, the job centre and the
    number of the measurement; errors are clustered by client. Given these, the class must be as good as random.

    Regression on the level before and effects within clients stand side by side, since they err in opposite directions
    where classes follow a passing state or lasting differences, and are never combined. Noise in the level before is
    taken out with the three-wave reliability of the index. A change is seen among those measured again only; the
    composite is the check on that.

    References
    ----------
    Angrist, J. & Pischke, J.-S. (2009). *Mostly Harmless Econometrics*, section 5.4. Princeton University Press.
    Cinelli, C. & Hazlett, C. (2020). Making sense of sensitivity. *JRSS B*.
    Li, F. & Li, F. (2019). Propensity score weighting for causal inference with multiple treatments. *Annals of
    Applied Statistics*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.contrast(bip.simulate(clients=1000, rng=1), rng=1)
    >>> found.tidy()["term"].tolist()[:3]
    ['other only - none', 'job only - none', 'job + other - none']
    """
    check_option("outcome", outcome, ("readiness", "composite"))
    check_option("method", method, ADJUSTED)
    check_weeks("longest_gap", longest_gap)
    check_level(level)
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < np.inf:
        raise OptionError(f"margin={margin!r} is not a positive number of standard deviations.")
    seed = int(generator(rng).integers(2**31))
    index = readiness(study, version=version, items=items)
    kept = None if channels is None else Channels.of(study, channels)
    found = pairs(study, index, longest_gap, kept)
    reliability = _reliability(study, index)
    both = composite(study, index, longest_gap, method, seed, kept)
    change, observed = weighted(found, method, seed), weighted(found, "raw", seed)
    ranked = outcome == "composite"
    return ClassContrast(
        outcome=outcome,
        raw=observed,
        means=both.means if ranked else change,
        designs=side_by_side(found, reliability, level, seed),
        raters=_by_rater(study, version, method, longest_gap, level, seed, kept),
        placebo=placebo(found, level),
        by_start=by_start(found, level),
        sensitivity=sensitivity(found, _STRENGTHS),
        composite=both.means,
        attrition=both.attrition,
        reliability=np.nan if reliability is None else reliability,
        margin=float(margin),
        level=level,
        flow=tuple((both.flow if ranked else found.flow).items()),
        records=tuple(record_facts(study).items()),
    )


def _reliability(study: Study, index: Readiness) -> float | None:
    """Three-wave reliability of the index over the first three measurements; None if it cannot be had."""
    rows = measurements(study)
    score = rows.assign(score=index.score(rows))[["client", "measurement", "score"]]
    waves = (
        score[score["measurement"] <= 3].pivot(index="client", columns="measurement", values="score").dropna()
    )
    try:
        return heise(waves.to_numpy(float)).reliability if waves.shape[1] == 3 else None
    except ModelError:  # correlations that no reliability fits: the correction is left out, the rest stands
        return None


def _by_rater(
    study: Study,
    version: Version,
    method: Method,
    longest_gap: int,
    level: float,
    seed: int,
    channels: Channels | None,
) -> pd.DataFrame:
    """Differences by the items of each rater alone: a shared rater cannot make both."""
    pieces = []
    for rater in ("client", "caseworker"):
        try:
            found = pairs(study, readiness(study, version=version, items=rater), longest_gap, channels)
        except ModelError:  # this rater did not answer: the other stands
            continue
        made = against_first(weighted(found, method, seed))
        pieces.append(frame_of(f"items of the {rater} only, {NAMES[method]}", made, len(found.rows), level))
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=COLUMNS)
