"""The caseworkers' general outlook: their earlier first answers about other clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.first_answers import Earlier, FirstAnswers, earlier, first_answers
from bipstats.caseworkers.netting import NETTINGS, Layout, Net, net
from bipstats.caseworkers.outlook_plots import outlooks
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.figure_words import Language
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

_REPEATED = ("netting", "signal_sd", "noise_sd", "assignments")


@dataclass(frozen=True, repr=False, eq=False)
class Orientation:
    """Job orientation of caseworkers by two nettings; steps of the belief answer.

    Attributes
    ----------
    caseworkers : pandas.DataFrame
        See `table`.
    spread : pandas.DataFrame
        ``netting, signal_sd`` (of orientation between caseworkers of a job centre), ``noise_sd`` (of one answer around
        it), ``assignments, without_others`` (no earlier answer on another client), ``others`` (median number behind
        the rest), ``reliability`` (at that number).
    correlation : float
        Between the nettings, over assignments.
    counts : tuple of (str, int)
        What was used and left out.
    level : float

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.orientation(bip.simulate(clients=600, rng=1))
    >>> found.spread["netting"].tolist()
    ['background', 'background and answers']
    >>> bool(found.spread["reliability"].between(0, 1).all())
    True
    """

    caseworkers: pd.DataFrame
    spread: pd.DataFrame
    correlation: float
    counts: tuple[tuple[str, int], ...]
    level: float

    @property
    def table(self) -> pd.DataFrame:
        """Caseworkers by netting, from all their first answers.

        ``netting, caseworker, jobcentre, clients, mean`` (net of characteristics and job centre), ``std_error,
        reliability, shrunken`` (reliability times mean) and ``conf_low, conf_high``, where orientation lies given the
        answers.
        """
        return self.caseworkers.copy()

    def by_assignment(self, study: Study) -> pd.DataFrame:
        """Give the orientation that each client met: of earlier answers on others.

        Parameters
        ----------
        study : Study
            The one that the result is from; a result holds no client's row.

        Returns
        -------
        pandas.DataFrame
            One row per client and caseworker (first assignment): ``client, caseworker, others`` (earlier first answers
            on other clients), and for each netting ``mean, reliability, shrunken``, with its name before them
            (``background``, ``answers``). Missing where there are no others.

        Raises
        ------
        ModelError
            Another study.
        """
        found = read_outlook(study)
        again = _spread(found)[list(_REPEATED)]
        if not again.equals(self.spread[list(_REPEATED)]):
            raise ModelError("this is not the study the result is from: its answers give another spread.")
        frame = found.before.pairs.to_frame(index=False).assign(others=found.before.count)
        for name, one in zip(("background", "answers"), found.nets, strict=True):
            mean, reliability = one.means_before(found.before)
            frame[f"{name}_mean"], frame[f"{name}_reliability"] = mean, reliability
            frame[f"{name}_shrunken"] = mean * reliability
        return frame

    def plot_data(self) -> pd.DataFrame:
        """The table in order of the orientation net of background and answers, with ``position``."""
        last = self.caseworkers[self.caseworkers["netting"] == NETTINGS[1]]
        order = last.sort_values("shrunken", kind="stable")["caseworker"].tolist()
        place = pd.Series(np.arange(1, len(order) + 1), index=order)
        frame = self.caseworkers.assign(position=place.reindex(self.caseworkers["caseworker"]).to_numpy())
        return frame.sort_values(["netting", "position"], kind="stable", ignore_index=True)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the caseworkers in their order: shrunken orientation with intervals, and the other netting."""
        return outlooks(self.plot_data(), self.level, ax, lang)

    @property
    def paragraph(self) -> str:
        """What the numbers say, what they rest on and when they mislead, in plain words."""
        last = self.spread.iloc[-1]
        return (
            "Some caseworkers believe in their clients more than others do, whoever the clients are: net of what is "
            "known of the clients, caseworkers of a job centre differ by a standard deviation of "
            f"{last['signal_sd']:.2f} steps on the five-point answer, while single answers scatter by "
            f"{last['noise_sd']:.2f} around the caseworker's own mean. A typical client met a caseworker with "
            f"{last['others']:.0f} earlier answers on others, from which orientation is known with a reliability of "
            f"{last['reliability']:.2f}; figures are pulled towards the job centre's mean accordingly. "
            f"{int(last['without_others']):,} of {int(last['assignments']):,} assignments have no earlier answers on "
            "others. The client's own answer and all later ones are never used. This rests on clients of a job "
            "centre coming to caseworkers irrespective of prospects that no answer shows. It misleads where "
            "promising clients are sorted to certain caseworkers (scenario S): these then look optimistic, and are "
            "merely right."
        )

    def summary(self) -> Summary:
        """Spread by netting, with what was used above and the paragraph below."""
        facts = {what: f"{count:,}" for what, count in self.counts}
        facts["nettings correlate by"] = f"{self.correlation:.2f}"
        return Summary(
            "Job orientation of caseworkers, steps of belief", self.spread, facts, (self.paragraph,)
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


@dataclass(frozen=True)
class Outlook:
    """First answers, who was earlier than whom, and both nettings."""

    answers: FirstAnswers
    before: Earlier
    layouts: tuple[Layout, ...]
    nets: tuple[Net, ...]

    def scores(self, place: int) -> pd.Series:
        """Shrunken outlook by client and caseworker."""
        return pd.Series(self.nets[place].scores(self.before), index=self.before.pairs)


def read_outlook(study: Study) -> Outlook:
    """Net the first answers of a study in both ways."""
    answers = first_answers(study)
    layouts = tuple(Layout.for_netting(answers, netting) for netting in NETTINGS)
    return Outlook(answers, earlier(answers, study.assignments), layouts, tuple(map(net, layouts)))


def require_differences(found: Outlook) -> None:
    """Say why orientation cannot be of use."""
    if not any(one.signal for one in found.nets):
        raise ModelError(
            "caseworkers of a job centre do not differ in their answers beyond noise "
            f"({len(found.answers.caseworkers):,} caseworkers, {len(found.answers.rows):,} first answers, "
            f"{len(found.answers.centres):,} job centres): there is no orientation whose effect could be estimated. "
            "bip.caseworkers.orientation(study) shows the spread."
        )
    if not (found.before.count > 0).any():
        raise ModelError(
            f"none of {len(found.before.count):,} assignments has earlier first answers of the caseworker on other "
            "clients."
        )


def orientation(study: Study, *, level: float = 0.95) -> Orientation:
    r"""Estimate caseworkers' job orientation: their belief in other clients than the one it is wanted for.

    Parameters
    ----------
    study : Study
    level : float, default 0.95
        Of the intervals of the caseworkers.

    Returns
    -------
    Orientation
        By caseworker; ``.by_assignment(study)`` gives it for each client, from others only.

    Raises
    ------
    ModelError
        Too few answers on belief, or answers that do not vary within caseworkers; the message counts them.

    Notes
    -----
    Of each caseworker's first answers on each client, those on other clients dated before the client's assignment to
    the caseworker count: the client cannot be mirrored in them (reflection), nor the future. They are net of the
    clients' background, or of background and the client's own answers to the questions about the same things, side by
    side; the second takes out more of the clients, and more of what caseworkers do to clients before they answer.

    First answers are :math:`y_{ic} = x_i'\beta + \mu_{j} + \theta_c + \varepsilon_{ic}`, :math:`\beta` from within
    caseworkers. With the variances :math:`\sigma^2_\theta` and :math:`\sigma^2_\varepsilon` of the one-way layout the
    mean of m answers has reliability :math:`\lambda_m = \sigma^2_\theta / (\sigma^2_\theta + \sigma^2_\varepsilon/m)`
    and is shrunken to :math:`\lambda_m \bar e` (empirical Bayes): a regression on shrunken figures is not attenuated
    by their noise. Slopes, job centres' means and variances come from all clients.

    References
    ----------
    Morris, C. (1983). Parametric empirical Bayes inference: theory and applications. *JASA*.
    Searle, S., Casella, G. & McCulloch, C. (1992). *Variance Components*. Wiley.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.orientation(bip.simulate(clients=600, rng=1))
    >>> found.spread["netting"].tolist()
    ['background', 'background and answers']
    """
    check_level(level)
    found = read_outlook(study)
    spread = _spread(found)
    reach = float(stats.norm.ppf(0.5 + level / 2))
    tables = [
        _caseworkers(found, one, netting, reach) for netting, one in zip(NETTINGS, found.nets, strict=True)
    ]
    both = np.stack([one.scores(found.before) for one in found.nets])
    known = ~np.isnan(both[0])
    vary = known.sum() > 1 and (both[:, known].std(axis=1) > 0).all()
    correlation = float(np.corrcoef(both[0, known], both[1, known])[0, 1]) if vary else float("nan")
    counts = (
        *found.answers.flow,
        ("caseworkers", len(found.answers.caseworkers)),
        ("of them with one answer only", int((found.nets[0].counts == 1).sum())),
        ("job centres", len(found.answers.centres)),
        ("of them with one caseworker, who cannot be compared", _alone(found)),
    )
    return Orientation(pd.concat(tables, ignore_index=True), spread, correlation, counts, level)


def _alone(found: Outlook) -> int:
    return int((np.bincount(found.layouts[0].home) == 1).sum())


def _spread(found: Outlook) -> pd.DataFrame:
    count = found.before.count
    middle = float(np.median(count[count > 0])) if (count > 0).any() else 0.0
    rows = [
        {
            "netting": netting,
            "signal_sd": float(np.sqrt(one.signal)),
            "noise_sd": float(np.sqrt(one.noise)),
            "assignments": len(count),
            "without_others": int((count == 0).sum()),
            "others": middle,
            "reliability": float(one.shrinkage(np.array([middle])).item()),
        }
        for netting, one in zip(NETTINGS, found.nets, strict=True)
    ]
    return pd.DataFrame(rows)


def _caseworkers(found: Outlook, one: Net, netting: str, reach: float) -> pd.DataFrame:
    reliability = one.shrinkage(one.counts)
    shrunken = reliability * one.means
    half = reach * np.sqrt(one.signal * (1 - reliability))
    return pd.DataFrame(
        {
            "netting": netting,
            "caseworker": found.answers.caseworkers.to_numpy(),
            "jobcentre": found.answers.centres.to_numpy()[found.layouts[0].home],
            "clients": one.counts,
            "mean": one.means,
            "std_error": np.sqrt(one.noise / one.counts),
            "reliability": reliability,
            "shrunken": shrunken,
            "conf_low": shrunken - half,
            "conf_high": shrunken + half,
        }
    )
