"""How good the measurement is: consistency, two raters, three waves, one factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, decimal_marks, say, terms
from bipstats.models.kernels.factor import one_factor
from bipstats.models.kernels.factor_groups import GroupFactor, Moments, fit_groups, independence
from bipstats.models.kernels.polychoric import polychoric_matrix
from bipstats.plotting import COLOURS, MARKS, legend_above, row_axes
from bipstats.progression.three_waves import heise
from bipstats.progression.waves import ASKED, Waves
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

Rater = Literal["client", "caseworker"]


@dataclass(frozen=True, slots=True)
class Consistency:
    """Cronbach's alpha with Feldt's interval.

    Attributes
    ----------
    alpha, low, high : float

    Examples
    --------
    >>> import bipstats as bip
    >>> alpha = bip.progression.reliability(bip.simulate(clients=600, rng=1)).alpha
    >>> bool(alpha.low < alpha.alpha < alpha.high < 1)
    True
    """

    alpha: float
    low: float
    high: float


def cronbach(answers: Floats, level: float = 0.95) -> Consistency:
    r"""Internal consistency of the sum of the items.

    Parameters
    ----------
    answers : (n, k) array
    level : float

    Notes
    -----
    :math:`\alpha = \frac{k}{k-1}(1 - \sum_j s_j^2 / s^2)`; :math:`(1 - \alpha)/(1 - \hat\alpha)` follows F with
    :math:`n - 1` and :math:`(n - 1)(k - 1)` degrees of freedom (Feldt 1965).
    """
    n, k = answers.shape
    covariance = np.cov(answers, rowvar=False)
    alpha = k / (k - 1) * (1 - np.trace(covariance) / covariance.sum())
    law = stats.f(n - 1, (n - 1) * (k - 1))
    low = 1 - (1 - alpha) * law.ppf(0.5 + level / 2)
    high = 1 - (1 - alpha) * law.ppf(0.5 - level / 2)
    return Consistency(float(alpha), float(low), float(high))


@dataclass(frozen=True, repr=False, eq=False)
class ScaleReliability:
    """What the answers say about themselves.

    Attributes
    ----------
    table : pandas.DataFrame
        ``item, mean, sd, floor, ceiling, item_rest, loading, other_rater, three_waves``.
    correlations : pandas.DataFrame
        Polychoric, item by item.
    alpha : Consistency
    omega : float
        Of the factor fitted to the answers' correlations.
    fit : GroupFactor
        One factor against free covariances.
    baseline : tuple of (float, int)
        Chi-squared and degrees of freedom without any correlation.
    rater : str
    n_clients, n_incomplete : int
    level : float

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.reliability(bip.simulate(clients=600, rng=1))
    >>> found.rater, len(found.table)
    ('client', 9)
    >>> bool(found.alpha.low < found.alpha.alpha < found.alpha.high)
    True
    """

    table: pd.DataFrame
    correlations: pd.DataFrame
    alpha: Consistency
    omega: float
    fit: GroupFactor
    baseline: tuple[float, int]
    rater: str
    n_clients: int
    n_incomplete: int
    level: float

    @property
    def fit_measures(self) -> dict[str, float]:
        """How one factor fits: chi-squared, df, p, RMSEA, CFI, SRMR."""
        return fit_measures(self.fit, self.baseline, self.n_clients, 1)

    @property
    def paragraph(self) -> str:
        """What it says, and what it does not."""
        measures, waves = self.fit_measures, self.table["three_waves"].dropna()
        repeated = (
            f"Over three measurements {waves.min():.2f} to {waves.max():.2f} of an item's variance is there again."
            if len(waves)
            else "There are too few clients with three measurements to tell noise from change."
        )
        return (
            f"The {len(self.table)} items of the {self.rater} hang together (alpha {self.alpha.alpha:.2f}, "
            f"{self.alpha.low:.2f} to {self.alpha.high:.2f}). Hanging together is not being right: one person's "
            f"mood or "
            f"habit colours all of that person's answers. {repeated} One factor leaves a CFI of "
            f"{measures['cfi']:.2f} and an RMSEA of {measures['rmsea']:.3f}; where it fits badly the items are "
            f"more than "
            "one thing, and their mean hides that."
        )

    def summary(self) -> Summary:
        """Table of the items with what holds for all of them."""
        measures = self.fit_measures
        facts = {
            "rater": self.rater,
            "clients": f"{self.n_clients:,} at their first complete measurement"
            + (f" ({self.n_incomplete:,} measurements incomplete)" if self.n_incomplete else ""),
            "alpha": f"{self.alpha.alpha:.3f} ({self.alpha.low:.3f} to {self.alpha.high:.3f})",
            "omega": f"{self.omega:.3f}",
            "one factor": f"chi2({measures['df']:.0f}) = {measures['chi2']:.1f}, RMSEA {measures['rmsea']:.3f}, "
            f"CFI {measures['cfi']:.3f}, SRMR {measures['srmr']:.3f}",
        }
        return Summary("Reliability of the answers", self.table, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw what each item shares with the other items, with the other rater and with itself later."""
        frame = self.plot_data()
        axes = row_axes(terms(frame["item"], lang), ax, row=0.34)
        place = np.arange(len(frame))[::-1]
        for number, name in enumerate(("item_rest", "other_rater", "three_waves")):
            axes.plot(
                frame[name], place, MARKS[number], color=COLOURS[number], markersize=5, label=say(name, lang)
            )
        axes.set_xlim(min(0.0, axes.get_xlim()[0]), 1)
        return decimal_marks(axis_words(legend_above(axes), x=say("correlation_axis", lang)), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def fit_measures(fit: GroupFactor, baseline: tuple[float, int], n: int, groups: int) -> dict[str, float]:
    """Chi-squared, df, p, RMSEA, CFI and SRMR of a factor fit."""
    over = max(fit.chi_squared - fit.df, 0.0)
    most = max(baseline[0] - baseline[1], over, 1e-300)
    return {
        "chi2": fit.chi_squared,
        "df": float(fit.df),
        "p": float(stats.chi2.sf(fit.chi_squared, fit.df)),
        "rmsea": float(np.sqrt(over / (fit.df * n) * groups)),
        "cfi": 1 - over / most,
        "srmr": fit.srmr,
    }


def reliability(
    study: Study,
    *,
    rater: Rater = "client",
    items: Sequence[str] | None = None,
    level: float = 0.95,
) -> ScaleReliability:
    r"""Say how good one rater's answers are as a measurement.

    Parameters
    ----------
    study : Study
    rater : {"client", "caseworker"}
    items : list of str, optional
        Keys of the indicators; all that the rater is asked by default.
    level : float, default 0.95
        Of the interval of alpha.

    Returns
    -------
    ScaleReliability
        By item: mean, standard deviation, share of lowest and highest answers, correlation with the sum of the other
        items, loading on one factor (of standardised answers), correlation with the other rater's answer to the same
        item at the same measurement, and reliability by three waves. For all: alpha, omega, polychoric correlations and
        the fit of one factor.

    Raises
    ------
    ModelError
        An item is never answered or never varies, or fewer than 30 clients have all items answered.
    OptionError
        `items` are not among those that the rater is asked.

    Notes
    -----
    Each client's first complete measurement. Alpha with Feldt's interval; omega of one factor by maximum
    likelihood on the correlations. The factor's fit takes the answers as normal, which five levels are not: RMSEA
    and CFI are a guide. Three waves: :math:`r_{12} r_{23} / r_{13}` (Heise 1969), missing where no reliability
    fits the correlations. The other rater's correlation is a lower bound of both raters' reliability if they see
    the same thing.

    References
    ----------
    Feldt, L. (1965). The approximate sampling distribution of Kuder-Richardson reliability coefficient twenty.
    *Psychometrika*.
    Heise, D. (1969). Separating reliability and stability in test-retest correlation. *American Sociological Review*.
    McDonald, R. (1999). *Test Theory*. Erlbaum.
    Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. *Psychometrika*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.reliability(bip.simulate(clients=300, rng=1))
    >>> bool(0.6 < found.alpha.alpha < 0.95)
    True
    """
    check_level(level)
    waves = Waves.of(study, rater, items)
    first = waves.first()
    first.require_variation()
    first.require_rows(30)
    answers = first.answers
    correlation = np.atleast_2d(np.corrcoef(answers, rowvar=False))
    if np.linalg.eigvalsh(correlation)[0] < 1e-8:
        raise ModelError("some items are a linear combination of others; leave one out by items=[...].")
    factor, moments = one_factor(correlation), [Moments.of(answers)]
    table = pd.DataFrame(
        {
            "item": list(waves.items),
            "mean": answers.mean(axis=0),
            "sd": answers.std(axis=0, ddof=1),
            "floor": (answers == 1).mean(axis=0),
            "ceiling": (answers == 5).mean(axis=0),
            "item_rest": _item_rest(answers),
            "loading": factor.loadings,
            "other_rater": _other_rater(study, rater, waves.items),
            "three_waves": _three_waves(waves.three()),
        }
    )
    codes = np.stack([np.unique(own, return_inverse=True)[1] for own in answers.T], axis=1)
    names = list(waves.items)
    return ScaleReliability(
        table,
        pd.DataFrame(polychoric_matrix(codes), index=names, columns=names),
        cronbach(answers, level),
        factor.omega,
        fit_groups(moments, "nothing"),
        independence(moments),
        rater,
        len(answers),
        waves.n_incomplete,
        level,
    )


def _item_rest(answers: Floats) -> Floats:
    """Correlation of each item with the sum of the others."""
    rest = answers.sum(axis=1, keepdims=True) - answers
    return np.array([np.corrcoef(answers[:, j], rest[:, j])[0, 1] for j in range(answers.shape[1])])


def _three_waves(scores: Floats) -> list[float]:
    """Reliability of each item, (n, 3, k); NaN where it cannot be had."""
    found = []
    for j in range(scores.shape[2]):
        try:
            found.append(heise(scores[:, :, j]).reliability)
        except ModelError:  # too few clients, or correlations that no reliability fits: said by an empty cell
            found.append(np.nan)
    return found


def _other_rater(study: Study, rater: str, items: tuple[str, ...]) -> list[float]:
    """Correlation with the other rater's answer at the same measurement; NaN for items without such a twin."""
    from bipstats.timeline.clock import Clock
    from bipstats.timeline.rounds import Rounds

    rounds = Rounds.of(study, Clock.of(study), 6)
    other = "caseworker" if rater == "client" else "client"
    found = []
    for item in items:
        if item not in ASKED[other]:
            found.append(np.nan)
            continue
        own = rounds.scores[rater][:, ASKED[rater].index(item)].astype(float)
        twin = rounds.scores[other][:, ASKED[other].index(item)].astype(float)
        both = (own > 0) & (twin > 0)
        varies = both.sum() > 2 and np.ptp(own[both]) > 0 and np.ptp(twin[both]) > 0
        found.append(float(np.corrcoef(own[both], twin[both])[0, 1]) if varies else np.nan)
    return found
