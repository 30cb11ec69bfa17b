"""The waist of the hourglass: named estimates with their covariance, from which everything else is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, listed
from bipstats.errors import ModelError, OptionError


def check_level(level: object) -> None:
    """Raise `OptionError` unless `level` is a confidence level."""
    if not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise OptionError(f"level={level!r} is not a confidence level; give a number between 0 and 1.")


@dataclass(frozen=True, slots=True)
class WaldTest:
    """A test of linear hypotheses.

    Attributes
    ----------
    hypothesis : str
        The null, in words.
    statistic : float
        :math:`W = (Rb - q)' (R V R')^{-1} (Rb - q)`; W over the number of restrictions where there are
        denominator degrees of freedom.
    df : int
        Number of restrictions.
    p_value : float
        From the chi-squared distribution, or F.
    df_denominator : float or None
        Degrees of freedom of the denominator of F: the smallest among the terms of the hypothesis. None: chi-squared.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.logit("entered ~ caseworker_belief + health_coping", rows)
    >>> test = fit.wald("caseworker_belief = health_coping")
    >>> test.hypothesis, test.df
    ('caseworker_belief = health_coping', 1)
    """

    hypothesis: str
    statistic: float
    df: int
    p_value: float
    df_denominator: float | None = None

    def __repr__(self) -> str:
        law = (
            f"chi2({self.df})" if self.df_denominator is None else f"F({self.df}, {self.df_denominator:.4g})"
        )
        return f"Wald test of {self.hypothesis}: {law} = {self.statistic:.4g}, p = {self.p_value:.4g}"


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedValues:
    """Values of each parameter that the draws of a test accept; p-values and intervals are counted from them.

    Attributes
    ----------
    low, high : (B, p) arrays, each column ascending
        Ends of the values at which a draw's statistic is no smaller than the data's own; the data's own is one
        of the B and accepts everything.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.logit("entered ~ age", rows, vcov=bip.score_bootstrap("jobcentre", draws=99, rng=1))
    >>> fit.estimates.accepted.low.shape[1] == len(fit.params)
    True
    """

    low: Floats
    high: Floats

    def p_values(self, null: float = 0.0) -> Floats:
        """Share of draws that accept the null value, (p,)."""
        return ((self.low <= null).sum(axis=0) - (self.high < null).sum(axis=0)) / len(self.low)

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Ends of the values whose p-value exceeds ``1 - level``: (p,) and (p,)."""
        rank = int(np.floor((1 - level) * len(self.low) * (1 + 1e-12)))
        return self.low[rank], self.high[len(self.high) - 1 - rank]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Names, values and covariance of estimated parameters.

    Attributes
    ----------
    names : tuple of str
    values : (p,) array
    covariance : (p, p) array
    how : str
        How the covariance was made, in words.
    df : (p,) array or None
        Degrees of freedom of each estimate's t distribution; None: normal.
    accepted : AcceptedValues or None
        Where p-values and intervals come from a bootstrap.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    how: str
    df: Floats | None = None
    accepted: AcceptedValues | None = None

    @property
    def reference(self) -> str:
        """Distribution behind p-values and intervals, in words."""
        if self.accepted is not None:
            return f"bootstrap, no p-value below {1 / len(self.accepted.low):.2g}"
        if self.df is None:
            return "normal"
        least, most = np.nanmin(self.df), np.nanmax(self.df)
        return (
            f"t with {least:.4g}{'' if most - least < 1e-6 * least else f' to {most:.4g}'} degrees of freedom"
        )

    @property
    def by_information(self) -> bool:
        """Whether the covariance is the model's own, which holds for independent rows."""
        return self.how.startswith("from the model")

    @property
    def std_errors(self) -> Floats:
        """Square roots of the variances; NaN where a two-way covariance gave a negative variance."""
        variances = np.diag(self.covariance)
        return np.sqrt(np.where(variances < 0, np.nan, variances))

    def covariance_of(self, rows: Floats) -> Floats:
        """Covariance of linear functions ``rows @ values``, (m, m), given as (m, p) or, one alone, (1, p).

        Raises
        ------
        ModelError
            The covariance is not what functions are judged by, or a term that takes part has none.
        """
        if self.accepted is not None:
            raise ModelError(
                "the score bootstrap tests coefficients one by one (tidy()); for functions of them take another "
                "covariance, e.g. .with_vcov(bip.cluster(..., small_sample='jackknife'), data)."
            )
        part = np.flatnonzero((rows != 0).any(axis=0))
        known = self.covariance[np.ix_(part, part)]
        lost = [self.names[j] for j in part[np.isnan(np.diag(known))]]
        if lost:
            raise ModelError(
                f"{listed(lost)} has no standard error ({self.how}), nor has what is made of it; take another "
                "covariance, e.g. .with_vcov(bip.cluster(...), data)."
            )
        return rows[:, part] @ known @ rows[:, part].T

    def tidy(self, level: float = 0.95, exponentiate: bool = False) -> pd.DataFrame:
        """Give one row a parameter: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level of the interval (quantiles of the normal, of t where there are degrees of freedom, or
            the bootstrap's, which need not lie symmetrically).
        exponentiate : bool, default False
            Ratios instead of logarithms; the standard error is then that of the ratio by the delta
            method, the interval is the exponentiated one, and statistic and p-value stay the logarithm's.
        """
        check_level(level)
        errors = self.std_errors
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = self.values / errors
        reference = stats.norm if self.df is None else stats.t(self.df)
        half = reference.ppf(0.5 + level / 2) * errors
        low, high, shown = self.values - half, self.values + half, self.values
        p_value = 2 * reference.sf(np.abs(statistic))
        if self.accepted is not None:
            p_value, (low, high) = self.accepted.p_values(), self.accepted.interval(level)
        if exponentiate:
            shown, low, high = np.exp(shown), np.exp(low), np.exp(high)
            errors = shown * errors
        return pd.DataFrame(
            {
                "term": list(self.names),
                "estimate": shown,
                "std_error": errors,
                "statistic": statistic,
                "p_value": p_value,
                "conf_low": low,
                "conf_high": high,
            }
        )

    def wald(self, hypothesis: str) -> WaldTest:
        """Test linear hypotheses written in words: ``"a = b"``, ``"2*a - b = 1, c = 0"``.

        Parameters
        ----------
        hypothesis : str
            Comma-separated equations in term names; terms may carry a numeric factor.

        Notes
        -----
        Where estimates have degrees of freedom, W over the number of restrictions is compared with F, whose
        denominator has the smallest degrees of freedom among the terms named: for one term this is the t test,
        for several it errs towards too few. Elsewhere W is compared with chi-squared.
        """
        if not isinstance(hypothesis, str):
            raise ModelError(f"a hypothesis reads 'term = value' or 'a = b'; received {hypothesis!r}.")
        equations = [part.strip() for part in _split_outside_brackets(hypothesis, ",")]
        rows = [self.equation(text) for text in equations]
        restrictions = np.array([row for row, _ in rows])
        gap = restrictions @ self.values - np.array([right for _, right in rows])
        spread = self.covariance_of(restrictions)
        size = np.sqrt(np.abs(np.diag(spread)))
        if np.linalg.matrix_rank(restrictions) < len(rows):
            raise ModelError(f"the hypotheses {hypothesis!r} repeat or contradict one another.")
        if not (size > 0).all() or np.linalg.eigvalsh(spread / np.outer(size, size))[0] < 1e-10:
            raise ModelError(
                f"the covariance of {hypothesis!r} is not positive definite (two-way clustering, or fewer clusters "
                "than hypotheses): there is no test."
            )
        statistic = float(gap @ np.linalg.solve(spread, gap))
        words, count = "; ".join(equations), len(rows)
        if self.df is None:
            return WaldTest(words, statistic, count, float(stats.chi2.sf(statistic, count)))
        df = float(self.df[(restrictions != 0).any(axis=0)].min())
        if np.isnan(df):
            raise ModelError(f"a term of {hypothesis!r} has no degrees of freedom: there is no test.")
        return WaldTest(words, statistic / count, count, float(stats.f.sf(statistic / count, count, df)), df)

    def equation(self, text: str) -> tuple[Floats, float]:
        """Read one equation: coefficients (p,) of what is named, moved to the left, and the right-hand side."""
        sides = _split_outside_brackets(text, "=")
        if len(sides) != 2:
            raise ModelError(f"a hypothesis reads 'term = value' or 'a = b'; received {text!r}.")
        row, constant = np.zeros(len(self.names)), 0.0
        for sign, side in zip((1.0, -1.0), sides, strict=True):
            part_row, part_constant = self._linear(side)
            row += sign * part_row
            constant -= sign * part_constant
        if not row.any():
            raise ModelError(f"the hypothesis {text!r} names no term; terms are {', '.join(self.names)}.")
        return row, constant

    def _linear(self, text: str) -> tuple[Floats, float]:
        """Read ``2*a - b + 1`` as coefficients and a constant; term names are matched longest first."""
        names = "|".join(re.escape(name) for name in sorted(self.names, key=len, reverse=True))
        number = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
        piece = re.compile(rf"\s*([+-]?)\s*(?:(?:({number})\s*\*\s*)?({names})|({number}))\s*(?=[+-]|$)")
        row, constant, position = np.zeros(len(self.names)), 0.0, 0
        while position < len(text.rstrip()):
            match = piece.match(text, position)
            if match is None:
                raise ModelError(f"cannot read {text.strip()!r}; terms are {', '.join(self.names)}.")
            sign = -1.0 if match[1] == "-" else 1.0
            if match[3] is not None:
                row[self.names.index(match[3])] += sign * float(match[2] or 1)
            else:
                constant += sign * float(match[4])
            position = match.end()
        return row, constant


def _split_outside_brackets(text: str, separator: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == separator and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += sign
    return [*parts, current]
