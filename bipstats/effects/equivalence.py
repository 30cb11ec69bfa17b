"""Is an effect about zero? A test that can say yes, which a failure to reject zero cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.estimates import Estimates, check_level
from bipstats.effects.contrasts import HasEstimates
from bipstats.effects.multiplicity import holm
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, say
from bipstats.plotting import forest
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Equivalence:
    """Two one-sided tests of each estimate.

    Attributes
    ----------
    estimates : Estimates
    margin : float
    p_values : (m,) array
        Of the null that the effect is `margin` or more away from zero.
    adjusted : (m,) array
        By Holm's method over the estimates.
    level : float
        An estimate is called equivalent where `adjusted` is below one minus this.

    Examples
    --------
    >>> import bipstats as bip
    >>> pairs = bip.transitions(bip.simulate(clients=600, rng=1))
    >>> fit = bip.ols("change_health_coping_client ~ weeks", pairs, vcov=bip.cluster("client"), missing="drop")
    >>> bip.equivalence(fit, margin=0.1).tidy().columns.tolist()
    ['term', 'estimate', 'std_error', 'statistic', 'p_value', 'conf_low', 'conf_high']
    """

    estimates: Estimates
    margin: float
    p_values: Floats
    adjusted: Floats
    level: float

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, estimate, std_error, p_value, adjusted, conf_low, conf_high, equivalent``.

        Intervals have the confidence ``2 * level - 1``: one inside the margin is one whose unadjusted test rejects.
        """
        frame = self.tidy().drop(columns="statistic")
        frame.insert(4, "adjusted", self.adjusted)
        frame["equivalent"] = np.where(self.adjusted < 1 - self.level, "yes", "not shown")
        return frame

    def tidy(self) -> pd.DataFrame:
        """Frame ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``; of the smaller statistic."""
        frame = self.estimates.tidy(2 * self.level - 1)
        frame["statistic"] = (self.margin - np.abs(self.estimates.values)) / self.estimates.std_errors
        frame["p_value"] = self.p_values
        return frame

    def summary(self) -> Summary:
        """Table with the margin."""
        frame = self.table
        for name in ("p_value", "adjusted"):
            frame[name] = [p_text(value) for value in frame[name]]
        facts = {
            "null": f"the effect is {self.margin:g} or more from zero",
            "test": "two one-sided tests; adjusted by Holm's method",
            "covariance": self.estimates.how,
        }
        note = f"Intervals: {2 * self.level - 1:.0%} each. 'Not shown' is not the opposite of 'yes'."
        return Summary("Equivalence to zero", frame, facts, (note,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the estimates with their intervals and the margin."""
        words = say("equivalence_axis", lang, level=2 * self.level - 1)
        axes = forest(self.plot_data(), ax=ax, xlabel=words, lang=lang)
        axes.axvspan(-self.margin, self.margin, color="#888888", alpha=0.15, linewidth=0)
        return axes

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def equivalence(fit: HasEstimates | Estimates, margin: float, *, level: float = 0.95) -> Equivalence:
    r"""Test whether effects are about zero.

    Parameters
    ----------
    fit : fitted model, Contrasts, Margins, AverageEffects or Estimates
        Every estimate is tested.
    margin : float
        Effects smaller than this count as none; to be chosen beforehand.
    level : float, default 0.95

    Returns
    -------
    Equivalence

    Raises
    ------
    ModelError
        An estimate has no standard error, or its p-values are a bootstrap's.
    OptionError
        `margin` is no positive number.

    Notes
    -----
    The p-value is the larger of those of :math:`H_0: \theta \le -\Delta` and :math:`H_0: \theta \ge \Delta`:
    :math:`P(T > (\Delta - |\hat\theta|)/s)`. A result that is not significantly different from zero is no evidence of
    being zero; this is the test that is.

    References
    ----------
    Schuirmann, D. (1987). A comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability. *Journal of Pharmacokinetics and Biopharmaceutics*.

    Examples
    --------
    >>> import numpy as np, bipstats as bip
    >>> from bipstats.core.estimates import Estimates
    >>> found = Estimates(("a", "b"), np.array([0.01, 0.2]), np.diag([0.01, 0.01]) ** 2, "by hand")
    >>> bip.equivalence(found, 0.05).table["equivalent"].tolist()
    ['yes', 'not shown']
    """
    check_level(level)
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number) or not 0 < margin < np.inf:
        raise OptionError(f"margin={margin!r} is not a positive number.")
    estimates = fit if isinstance(fit, Estimates) else getattr(fit, "estimates", None)
    if not isinstance(estimates, Estimates):
        raise ModelError(f"fit has no estimates with a covariance; it is {type(fit).__name__}.")
    if level <= 0.5:
        raise OptionError(f"level={level!r}: two one-sided tests need a level above 0.5.")
    errors = np.sqrt(np.diag(estimates.covariance_of(np.eye(len(estimates.names)))))
    reference = stats.norm if estimates.df is None else stats.t(estimates.df)
    p_values = np.asarray(reference.sf((margin - np.abs(estimates.values)) / errors))
    return Equivalence(estimates, float(margin), p_values, holm(p_values), level)
