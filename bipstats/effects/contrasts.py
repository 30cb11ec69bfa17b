"""Families of linear hypotheses, adjusted for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import MANY, Floats
from bipstats.core.estimates import Estimates, check_level
from bipstats.core.result import Result
from bipstats.effects.multiplicity import bonferroni, holm, max_t
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.figure_words import Language, say
from bipstats.plotting import forest
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Adjust = Literal["max-t", "holm", "bonferroni", "none"]
_WORDS = {
    "max-t": "simultaneous, by the joint distribution of the statistics (max-t, single step)",
    "holm": "p-values by Holm's method; intervals by Bonferroni's",
    "bonferroni": "by Bonferroni's method",
    "none": "none",
}


class HasEstimates(Protocol):
    """A fitted model, margins, or anything else with named estimates."""

    @property
    def estimates(self) -> Estimates:
        """Names, values and covariance."""


@dataclass(frozen=True, repr=False, eq=False)
class Contrasts:
    """A family of linear hypotheses.

    Attributes
    ----------
    estimates : Estimates
        Left side minus right side of each hypothesis.
    p_values : (m,) array
        Adjusted.
    critical : float
        Half-width of the intervals in standard errors.
    adjust : str
    level : float
        Of all intervals together (of each, with ``adjust="none"``).
    error : float
        Error of the adjusted p-values, from their integration; zero where there is none.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.ols("health_coping ~ C(jobcentre)", rows)
    >>> family = bip.contrasts(fit, pairs="jobcentre")
    >>> family.adjust, len(family.p_values)
    ('max-t', 45)
    >>> bool(family.critical > 1.96)
    True
    """

    estimates: Estimates
    p_values: Floats
    critical: float
    adjust: Adjust
    level: float
    error: float

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``."""
        return self.tidy()

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Give the table, or ratios with their intervals; p-values and intervals are the adjusted ones."""
        frame = self.estimates.tidy(self.level)
        half = self.critical * self.estimates.std_errors
        frame["p_value"] = self.p_values
        frame["conf_low"], frame["conf_high"] = self.estimates.values - half, self.estimates.values + half
        if exponentiate:
            frame["std_error"] *= np.exp(frame["estimate"])
            for name in ("estimate", "conf_low", "conf_high"):
                frame[name] = np.exp(frame[name])
        return frame

    def summary(self) -> Summary:
        """Table with the adjustment, and what an estimate is."""
        frame = self.tidy()
        frame["p_value"] = [p_text(value) for value in frame["p_value"]]
        m = len(frame)
        facts = {"hypotheses": str(m), "adjustment": _WORDS[self.adjust], "covariance": self.estimates.how}
        together = f"{self.level:.0%} " + ("each" if self.adjust == "none" else "for all together")
        notes = [
            f"Estimates: left side minus right side. Intervals: {together}, ±{self.critical:.4g} standard errors."
        ]
        if self.estimates.df is not None:
            notes.append(f"t distribution with {self.estimates.df.min():.4g} degrees of freedom.")
        if self.error:
            notes.append(f"Adjusted p-values are integrals, exact to {self.error:.0e}.")
        return Summary("Linear hypotheses", frame, facts, tuple(notes))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.tidy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the estimates with their intervals."""
        words = say("contrast_axis", lang, level=self.level)
        return forest(self.plot_data(), ax=ax, xlabel=words, lang=lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def contrasts(
    fit: HasEstimates | Estimates,
    hypotheses: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    pairs: str | None = None,
    adjust: Adjust = "max-t",
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Contrasts:
    r"""Test a family of linear hypotheses, with p-values and intervals adjusted for their number.

    Parameters
    ----------
    fit : fitted model, Margins or Estimates
    hypotheses : list of str, or dict of label to str
        Equations in term names, as `wald` reads them: ``["a = b", "2*a - b = 1"]``. One equation each.
    pairs : str, optional
        Instead of hypotheses: a categorical column of the model, all of whose levels are compared.
    adjust : {"max-t", "holm", "bonferroni", "none"}
        ``"max-t"`` uses the correlation of the statistics and is the sharpest of those with intervals.
    level : float, default 0.95
        Confidence that all intervals hold at once.
    rng : None, int or numpy.random.Generator
        For the integrals of ``"max-t"``; a number makes their last digits repeatable.

    Returns
    -------
    Contrasts

    Raises
    ------
    ModelError
        A hypothesis cannot be read, is stated twice, or has no variance; a column has no levels to compare.

    Notes
    -----
    With estimates :math:`Rb - q`, covariance :math:`RVR'` and statistics T, the adjusted p-value of ``"max-t"`` is
    :math:`P(\max_i |T_i| \ge |t_j|)` under a normal distribution with their correlation, or a multivariate t
    where the fit has degrees of freedom (the fewest of any coefficient).

    References
    ----------
    Hothorn, T., Bretz, F. & Westfall, P. (2008). Simultaneous inference in general parametric models.
    *Biometrical Journal*.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. *Scandinavian Journal of Statistics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1], "g": list("abcabcabcabc")})
    >>> fit = bip.logit("y ~ C(g)", rows)
    >>> bip.contrasts(fit, pairs="g").table["term"].tolist()
    ['b - a', 'c - a', 'c - b']
    >>> bip.contrasts(fit, ["g[b] = 0", "g[b] = g[c]"], adjust="holm").table["p_value"].round(3).tolist()
    [0.944, 0.944]
    """
    check_option("adjust", adjust, ("max-t", "holm", "bonferroni", "none"))
    estimates = fit if isinstance(fit, Estimates) else getattr(fit, "estimates", None)
    if not isinstance(estimates, Estimates):
        raise ModelError(f"fit has no estimates with a covariance; it is {type(fit).__name__}.")
    check_level(level)
    if (hypotheses is None) == (pairs is None):
        raise OptionError("give either hypotheses or pairs=.")
    if pairs is None:
        family = _family(estimates, _labelled(hypotheses))
    elif isinstance(fit, Result):
        family = _pairs(fit, pairs)
    else:
        raise ModelError(
            f"pairs={pairs!r} needs a fitted model, which knows the levels; write hypotheses instead."
        )
    return _adjusted(family, adjust, level, rng)


def _labelled(hypotheses: object) -> dict[str, str]:
    """Hypotheses by label."""
    if isinstance(hypotheses, Mapping):
        found = dict(hypotheses)
    elif isinstance(hypotheses, str):
        found = {hypotheses: hypotheses}
    elif isinstance(hypotheses, Sequence):
        if len(set(hypotheses)) < len(hypotheses):
            raise ModelError("a hypothesis is stated twice; each counts in the adjustment, so state it once.")
        found = {text: text for text in hypotheses}
    else:
        raise OptionError(f"hypotheses={hypotheses!r} is no list of equations and no dict of them.")
    if not found or not all(isinstance(text, str) for text in (*found, *found.values())):
        raise OptionError(f"hypotheses={hypotheses!r} holds no equations, or something else than text.")
    return found


def _family(estimates: Estimates, hypotheses: dict[str, str]) -> Estimates:
    equations = [estimates.equation(text) for text in hypotheses.values()]
    rows = np.array([row for row, _ in equations])
    return _combined(estimates, tuple(hypotheses), rows, np.array([right for _, right in equations]))


def _combined(estimates: Estimates, labels: tuple[str, ...], rows: Floats, right: Floats) -> Estimates:
    """Linear combinations of estimates, less what the null says."""
    covariance = estimates.covariance_of(rows)
    empty = [label for label, variance in zip(labels, np.diag(covariance), strict=True) if not variance > 0]
    if empty:
        raise ModelError(
            f"no variance for {', '.join(empty)} (two-way clustering gave a negative one?): no test."
        )
    df = None if estimates.df is None else np.full(len(labels), estimates.df.min())
    return Estimates(labels, rows @ estimates.values - right, covariance, estimates.how, df)


def _pairs(fit: Result, column: str) -> Estimates:
    """All pairwise differences between the levels of a categorical column."""
    design, names = fit.design, fit.estimates.names
    mine = [name for name, factor in design.factors.items() if column in factor.columns]
    categorical = [name for name in mine if design.factors[name].kind == "categorical"]
    if not categorical:
        raise ModelError(
            f"pairs={column!r} is no categorical column of the model; wrap numbers as C({column})."
        )
    inside = [term for term in design.terms if set(term.factors) & set(mine)]
    if len(inside) != 1 or len(inside[0].factors) != 1:
        raise ModelError(
            f"column {column!r} is in more than one term (an interaction?), so its levels have no single difference. "
            "Use bip.margins, or write the hypotheses."
        )
    levels = design.factors[categorical[0]].levels
    if len(levels) > MANY:
        raise ModelError(
            f"column {column!r} has {len(levels):,} levels; all pairs are too many. Write hypotheses."
        )
    position = [
        names.index(f"{column}[{level}]") if f"{column}[{level}]" in names else None for level in levels
    ]
    labels, rows = [], []
    for high, low in sorted((b, a) for a, b in combinations(range(len(levels)), 2)):
        row = np.zeros(len(names))
        for level, sign in ((low, -1.0), (high, 1.0)):
            if (place := position[level]) is not None:  # the reference has no term
                row[place] = sign
        labels.append(f"{levels[high]} - {levels[low]}")
        rows.append(row)
    return _combined(fit.estimates, tuple(labels), np.array(rows), np.zeros(len(rows)))


def _require_joint_distribution(family: Estimates) -> None:
    """Raise if the statistics have no joint distribution."""
    errors = family.std_errors
    if np.linalg.eigvalsh(family.covariance / np.outer(errors, errors))[0] < -1e-8:
        raise ModelError(
            "the covariance of the hypotheses is not positive semi-definite (two-way clustering with few clusters?), "
            'so that the statistics have no joint distribution. Use adjust="holm".'
        )


def _adjusted(
    family: Estimates, adjust: Adjust, level: float, rng: int | np.random.Generator | None
) -> Contrasts:
    df = None if family.df is None else float(family.df.min())
    if adjust == "max-t":
        _require_joint_distribution(family)
        found = max_t(family.values, family.covariance, df, level=level, rng=rng)
        return Contrasts(family, found.p_values, found.critical, adjust, level, found.error)
    raw = family.tidy(level)["p_value"].to_numpy()
    reference = stats.norm if df is None else stats.t(df)
    tests = 1 if adjust == "none" else len(raw)
    critical = float(reference.isf((1 - level) / (2 * tests)))
    p_values = {"none": lambda p: p, "holm": holm, "bonferroni": bonferroni}[adjust](raw)
    return Contrasts(family, p_values, critical, adjust, level, 0.0)
