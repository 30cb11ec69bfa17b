"""Entry after job-oriented interventions, and the part of it that goes through progression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.core.columns import Floats
from bipstats.core.design import fit_design
from bipstats.core.estimates import Estimates, check_level
from bipstats.core.resample import draws as run
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, say
from bipstats.interventions.through import Between, decompose, resampled
from bipstats.models.identify import standardise
from bipstats.plotting import forest
from bipstats.progression.index import Readiness, Version, readiness
from bipstats.register.outcomes import Outcome, check_weeks
from bipstats.tables import Summary
from bipstats.timeline.classes import Records
from bipstats.timeline.clock import Clock
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

_NAMES = ("not through progression", "through progression", "together")
_MOST_LOST = 0.1
_PER_CENTRE = 10
"""Entries in every job centre that it takes to adjust for job centres."""


@dataclass(frozen=True, repr=False, eq=False)
class Decomposition:
    """A difference in entry, and the part that goes through the change of the index.

    Attributes
    ----------
    estimates : Estimates
        Differences of the risk of entry: not through progression, through it, together.
    limits : (2, 3) array
        Of the intervals, from the draws.
    landmark, horizon : int
        Weeks after the first measurement; weeks of follow-up from there.
    level : float
    flow : tuple of (str, int)
    n_lost : int
        Draws without a maximum.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.through_progression(bip.simulate(clients=1500, rng=1), draws=20, rng=1)
    >>> found.estimates.names
    ('not through progression', 'through progression', 'together')
    """

    estimates: Estimates
    limits: Floats
    landmark: int
    horizon: int
    level: float
    flow: tuple[tuple[str, int], ...]
    n_lost: int

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, estimate, std_error, conf_low, conf_high``; intervals are the draws' quantiles."""
        frame = self.tidy().drop(columns=["statistic", "p_value"])
        frame["conf_low"], frame["conf_high"] = self.limits
        return frame

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give the parts: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``."""
        return self.estimates.tidy(level)

    @property
    def paragraph(self) -> str:
        """What it says, what it rests on, and where it misleads."""
        direct, through, together = self.estimates.values
        low, high = self.limits[:, 1]
        return (
            f"Clients with a job-oriented intervention in the {self.landmark} weeks after the first measurement "
            f"differ in "
            f"entry over the next {self.horizon} weeks by {100 * together:.1f} points from those without, "
            f"others things "
            f"measured being equal; {100 * through:.1f} points ({100 * low:.1f} to {100 * high:.1f}) go through "
            f"the index "
            f"and {100 * direct:.1f} past it. This is what a change of everybody's index, by as much as goes with the "
            "intervention, would do; it is causal only if nothing unmeasured moves two of intervention, index "
            "and entry, "
            "and it speaks of those who are still followed at the landmark. Noise in the index shifts from "
            "'through' to "
            "'not through'."
        )

    def summary(self) -> Summary:
        """Table with the landmark and the flow."""
        facts = {
            "difference in": f"risk of entry within {self.horizon} weeks of the landmark",
            "landmark": f"{self.landmark} weeks after the first measurement",
            "clients": ", ".join(f"{what} {count:,}" for what, count in self.flow if count),
            "errors": self.estimates.how
            + (f"; {self.n_lost:,} without a maximum left out" if self.n_lost else ""),
        }
        return Summary("Through progression", self.table, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the parts with their intervals."""
        frame = self.plot_data()
        words = say("risk_axis", lang, level=self.level)
        return forest(
            frame, ax=ax, xlabel=words, lang=lang, labels=[say(name, lang) for name in frame["term"]]
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def through_progression(
    study: Study,
    *,
    landmark: int = 26,
    horizon: int = 52,
    outcome: Outcome = "job_or_education",
    version: Version = "mean",
    draws: int = 500,
    jobs: int | None = None,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> Decomposition:
    r"""Split the difference in entry after job-oriented interventions into what goes through progression and the rest.

    Parameters
    ----------
    study : Study
    landmark : int
        Weeks after the first measurement over which interventions and progression are seen.
    horizon : int
        Weeks of follow-up from the landmark.
    outcome : {"job_or_education", "job", "education"}
    version : {"mean", "factor", "job model"}
        The index, as in `bip.progression.readiness`.
    draws : int
        Bootstrap draws of clients.
    jobs : int, optional
        Workers; None: what ``joblib.parallel_config`` says, else one.
    level : float, default 0.95
    rng : None, int or numpy.random.Generator
    progress : bool, optional
        Progress bar; None: only on a terminal or in a notebook.

    Returns
    -------
    Decomposition

    Raises
    ------
    ModelError
        Too few clients are followed to the landmark and beyond, with or without an intervention.

    Notes
    -----
    An interventional analogue of direct and indirect effects: of clients at risk at the landmark, with the index at the
    first measurement x, a job-oriented intervention in between a, the index at the landmark m and entry afterwards y,
    :math:`\theta(a, a^*) = E_x \int P(y \mid a, m, x)\, dF(m \mid a^*, x)` with a logit and a normal regression. Not
    through: :math:`\theta(1, 0) - \theta(0, 0)`; through: :math:`\theta(1, 1) - \theta(1, 0)`. Clients whose data end
    within the horizon are left out. Job centres are adjusted for where each has ten entries or more.

    References
    ----------
    VanderWeele, T., Vansteelandt, S. & Robins, J. (2014). Effect decomposition in the presence of an exposure-induced
    mediator-outcome confounder. *Epidemiology*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.through_progression(bip.simulate(clients=1500, rng=1), draws=20, rng=1)
    >>> found.table["term"].tolist()
    ['not through progression', 'through progression', 'together']
    """
    check_weeks("landmark", landmark)
    check_weeks("horizon", horizon)
    check_level(level)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 20:
        raise OptionError(f"draws={draws!r} is not a whole number of at least 20.")
    rows, flow = _at_landmark(study, readiness(study, version=version), landmark, horizon, outcome)
    values = decompose(rows, np.ones(len(rows.entered)))
    if np.isnan(values).any():
        raise ModelError("the logit of entry has no maximum: too few entries for its covariates.")
    drawn = np.array(run(resampled, int(draws), rows, rng=rng, jobs=jobs, shown=progress, label="draws"))
    kept = drawn[np.isfinite(drawn).all(axis=1)]
    if len(kept) < (1 - _MOST_LOST) * draws:
        raise ModelError(f"on {draws - len(kept):,} of {draws:,} draws the logit of entry has no maximum.")
    how = f"{draws:,} bootstrap draws of clients"
    estimates = Estimates(_NAMES, values, np.cov(kept, rowvar=False), how)
    limits = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Decomposition(
        estimates, limits, landmark, horizon, level, tuple(flow.items()), int(draws) - len(kept)
    )


def _at_landmark(
    study: Study, index: Readiness, landmark: int, horizon: int, outcome: Outcome
) -> tuple[Between, dict[str, int]]:
    """Clients at risk at the landmark, with the index then and at first."""
    first = landmarks(study, at="first", horizon=landmark, outcome=outcome)
    start = first.assign(start=index.score(first))[["client", "landmark", "start", "jobcentre", *BACKGROUND]]
    still = first["full_horizon"] & (first["exit"] == "censored")
    clock = Clock.of(study)
    place = clock.ids.get_indexer(pd.Index(first["client"]))
    week = first["landmark"].to_numpy(np.int64)
    records = Records.of(study, clock)
    had = records.intervals(0).overlapping(place.astype(np.int64), week + 1, week + landmark) > 0
    later = _later(study, start[still.to_numpy()], index, landmark, horizon, outcome)
    rows = start.assign(exposed=had * 1.0).merge(later, on="client")
    known = rows["full_horizon"] & rows["entered"].notna()
    complete = known & rows[["start", "between", *BACKGROUND]].notna().all(axis=1)
    flow = {
        "clients": len(first),
        f"left or data end within {landmark} weeks": int((~still).sum()),
        f"data end within {horizon} weeks of the landmark": int((~known).sum()),
        "with missing answers or background": int((known & ~complete).sum()),
    }
    rows = rows[complete].reset_index(drop=True)
    counts = (int(rows["exposed"].sum()), int((1 - rows["exposed"]).sum()), int(rows["entered"].sum()))
    if min(counts) < 20:
        raise ModelError(
            f"{counts[0]:,} clients with and {counts[1]:,} without a job-oriented intervention, {counts[2]:,} entries: "
            "20 of each are needed."
        )
    names = [name for name in ("start", *BACKGROUND) if rows[name].nunique() > 1]
    entries = rows.groupby("jobcentre", observed=True)["entered"].sum()
    centre = ["C(jobcentre)"] if len(entries) > 1 and entries.min() >= _PER_CENTRE else []
    design, matrix = fit_design(" + ".join([*names, *centre]), rows)
    x = standardise(matrix, design.names, np.zeros(len(rows), np.int64), "row").x
    exposed, between, entered = (rows[name].to_numpy(float) for name in ("exposed", "between", "entered"))
    return Between(exposed, between, entered, x), flow


def _later(
    study: Study, first: pd.DataFrame, index: Readiness, landmark: int, horizon: int, outcome: Outcome
) -> pd.DataFrame:
    """Index at the landmark and what came after it; landmarks are each client's own, so week by week."""
    pieces = []
    for week in np.unique(first["landmark"]):
        own = first.loc[first["landmark"] == week, "client"]
        rows = landmarks(study, at=int(week) + landmark, horizon=horizon, outcome=outcome)
        pieces.append(rows[rows["client"].isin(own)])
    found = pd.concat(pieces, ignore_index=True)
    return found.assign(between=index.score(found))[["client", "between", "entered", "full_horizon"]]
