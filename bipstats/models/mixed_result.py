"""What every model with random intercepts gives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, listed, require_columns, require_frame
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.estimates import check_level
from bipstats.core.result import Fit, Result, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.boundary import BoundaryTest, boundary_test, chosen_columns
from bipstats.models.identify import require_same_fit
from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import Link as BinomialLink
from bipstats.models.kernels.binomial import mean
from bipstats.models.kernels.laplace import Marginal
from bipstats.models.kernels.newton import Evaluation
from bipstats.models.kernels.sd_profile import profile_of
from bipstats.models.mixed_fit import (
    Effects,
    MixedRows,
    RandomIntercepts,
    group_effects,
    make_covariance,
    transform_of,
)
from bipstats.models.mixed_groups import check_mixed_vcov
from bipstats.tables import Summary, p_text
from bipstats.threads import one_thread

_STEP, _REACH = 0.25, 9.0  # of averages over the normal distribution
_COARSE = 0.5  # of a log-likelihood: more than an estimate moves by chance
_FIRST_STEP = 0.2  # of a profile from zero
_LATENT = {"logit": np.pi**2 / 3, "cloglog": np.pi**2 / 6}
Kind = Literal["population", "conditional"]
Unknown = Literal["raise", "zero"]


@dataclass(frozen=True, repr=False, eq=False)
class MixedResult(Result):
    """A fit with random intercepts; the base of those of a logit and of a hazard.

    Attributes
    ----------
    intercepts : RandomIntercepts
    """

    intercepts: RandomIntercepts | None = None

    no_mean: ClassVar[str] = (
        "its mean depends on the standard deviations too, whose errors margins() does not know. Compare predict() on "
        "changed data, which averages over the random intercepts."
    )

    @property
    @abstractmethod
    def inverse_link(self) -> BinomialLink:
        """Link of the outcome's probability given the random intercepts."""

    @abstractmethod
    def _fixed_part(self, new: pd.DataFrame) -> Floats:
        """Linear predictor of rows without random intercepts, (n,)."""

    @abstractmethod
    def _rows_again(self, data: pd.DataFrame, vcov: Vcov) -> MixedRows:
        """The rows of the fit, from its data."""

    @property
    def _own(self) -> RandomIntercepts:
        assert self.intercepts is not None
        return self.intercepts

    @property
    def n_params(self) -> int:
        """Parameters estimated, standard deviations included."""
        return len(self.estimates.names) + len(self._own.columns)

    @property
    def random(self) -> pd.DataFrame:
        """Standard deviations of the random intercepts with 95 % intervals; see `random_tidy`."""
        return self.random_tidy()

    def random_tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Standard deviations of the random intercepts.

        Parameters
        ----------
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            ``group, n_groups, sd, conf_low, conf_high, statistic, p_value, share``: intervals from the error of the
            logarithm (none where the estimate is zero; `profile_sd` gives one); the likelihood ratio against the
            model without this intercept with its p-value, half chi2(0) and half chi2(1); the share of the variance
            on the latent scale.
        """
        check_level(level)
        own = self._own
        width = np.exp(stats.norm.ppf(0.5 + level / 2) * own.log_sd_error)
        return pd.DataFrame(
            {
                "group": list(own.columns),
                "n_groups": list(own.n_groups),
                "sd": own.sd,
                "conf_low": own.sd / width,
                "conf_high": own.sd * width,
                "statistic": own.statistic,
                "p_value": own.p_value,
                "share": own.sd**2 / ((own.sd**2).sum() + _LATENT[self.inverse_link]),
            }
        )

    def effects(self, column: str, data: pd.DataFrame | None = None, level: float = 0.95) -> pd.DataFrame:
        """Most likely intercepts of the groups of one column.

        Parameters
        ----------
        column : str
            One of the columns of ``random=``.
        data : pandas.DataFrame, optional
            The fitted data; needed where the result keeps no effects: of ``client``, and of a column with more than
            4,096 groups.
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            ``level, estimate, std_error, conf_low, conf_high``; errors are given the estimates.
        """
        check_level(level)
        check_option("column", column, self._own.columns)
        found = self._own.effects.get(column)
        if data is not None:
            found = self._all_effects(data)[column]
        if found is None:
            raise ModelError(
                f"a result keeps no effects of {column!r} (persons, or very many groups); give the fitted data: "
                f"fit.effects({column!r}, data)."
            )
        half = float(stats.norm.ppf(0.5 + level / 2)) * found.std_error
        return pd.DataFrame(
            {
                "level": list(found.levels),
                "estimate": found.mode,
                "std_error": found.std_error,
                "conf_low": found.mode - half,
                "conf_high": found.mode + half,
            }
        )

    def _all_effects(self, data: pd.DataFrame) -> dict[str, Effects]:
        mixed = self._rows_again(require_frame(data), "model")
        kept = np.flatnonzero(self._own.sd > 0).tolist()
        return group_effects(mixed, self._recurring(mixed)[1], kept)

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> MixedResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        check_mixed_vcov(vcov)
        mixed = self._rows_again(require_frame(data), vcov)
        with one_thread():
            params, at = self._recurring(mixed)
            made = make_covariance(mixed, params, at, self._own.information, vcov)
        errors, kept = self._own.log_sd_error.copy(), self._own.sd > 0
        errors[kept] = np.sqrt(np.diag(made.matrix)[len(mixed.rows.working) :]) / self._own.sd[kept]
        changed: dict[str, Any] = with_covariance(self, made, transform_of(mixed, len(params)))
        fit: Fit = replace(self.fit, flow=mixed.rows.flow)
        return replace(self, fit=fit, intercepts=replace(self._own, log_sd_error=errors), **changed)

    def _recurring(self, mixed: MixedRows) -> tuple[Floats, Marginal | None]:
        """Parameters of the fit and the likelihood there, on the data of the fit."""
        working: Floats = np.linalg.solve(mixed.rows.transform, self.estimates.values).astype(float)
        kept = np.flatnonzero(self._own.sd > 0)
        if not len(kept):
            require_same_fit(binomial.evaluate(working, mixed.counts), self.loglik)
            return working, None
        params = np.concatenate([working, self._own.sd[kept]])
        model = mixed.model(self._own.method, self._own.nodes)
        at = model.at(params, model.problem(kept.tolist()))
        require_same_fit(Evaluation(at.loglik, at.gradient, self._own.information), self.loglik)
        return params, at

    def profile_sd(self, data: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
        r"""Profile-likelihood intervals of the standard deviations of the random intercepts.

        Parameters
        ----------
        data : pandas.DataFrame
            The fitted data.
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            ``group, n_groups, sd, conf_low, conf_high``.

        Notes
        -----
        The interval holds the values s with :math:`2 (L(\hat\theta) - \max_{\sigma_k = s} L) \le \chi^2_{1, level}`.
        It begins at zero where zero is among them, and then covers more often than its level.
        """
        check_level(level)
        own, mixed = self._own, self._rows_again(require_frame(data), "model")
        quantile = float(stats.norm.ppf(0.5 + level / 2))
        steps = np.where(own.sd > 0, quantile * own.sd * own.log_sd_error, _FIRST_STEP)
        kept = np.flatnonzero(own.sd > 0).tolist()
        with one_thread():
            params, model = self._recurring(mixed)[0], mixed.model(own.method, own.nodes)
            profiles = [profile_of(model, kept, k, params) for k in range(len(steps))]
            ends = [one.interval(step, quantile) for one, step in zip(profiles, steps, strict=True)]
        frame = self.random_tidy()[["group", "n_groups", "sd"]]
        return frame.assign(conf_low=[low for low, _ in ends], conf_high=[high for _, high in ends])

    def boundary_test(
        self,
        data: pd.DataFrame,
        drop: str | Sequence[str] | None = None,
        *,
        draws: int = 199,
        rng: int | np.random.Generator | None = None,
        jobs: int | None = None,
        progress: bool | None = None,
    ) -> BoundaryTest:
        """Test random intercepts, several at once, by a parametric bootstrap of the likelihood ratio.

        Parameters
        ----------
        data : pandas.DataFrame
            The fitted data.
        drop : str or list of str, optional
            Columns whose intercepts are tested; all of them if not given.
        draws : int, default 199
        rng : None, int or numpy.random.Generator
        jobs : int, optional
            Processes; None: what ``joblib.parallel_config`` says, else one. The numbers do not depend on it.
        progress : bool, optional
            None: only on a terminal or in a notebook.

        Returns
        -------
        BoundaryTest

        Notes
        -----
        A standard deviation cannot be negative, so that the ratio is not chi-squared without it. For one it is half
        chi2(0) and half chi2(1), the p-value in `random`; for several the law depends on the design and is simulated.
        """
        own, mixed = self._own, self._rows_again(require_frame(data), "model")
        tested = chosen_columns(drop, own.columns)
        self._recurring(mixed)
        model = mixed.model(own.method, own.nodes)
        return boundary_test(model, own.columns, tested, draws=draws, rng=rng, jobs=jobs, shown=progress)

    def _probability(
        self, new: pd.DataFrame, kind: Kind, unknown: Unknown, data: pd.DataFrame | None
    ) -> Floats:
        """Probability of the outcome averaged over random intercepts, or given those of the groups, (n,)."""
        check_option("kind", kind, ("population", "conditional"))
        check_option("unknown", unknown, ("raise", "zero"))
        eta = self._fixed_part(new)
        if kind == "population":
            sd = float(np.sqrt((self._own.sd**2).sum()))
            return averaged(eta, sd, lambda shifted: mean(shifted, self.inverse_link))
        return mean(eta + self._group_part(new, unknown, data), self.inverse_link)

    def _group_part(self, new: pd.DataFrame, unknown: Unknown, data: pd.DataFrame | None) -> Floats:
        """Sum of the effects of each row's groups, (n,)."""
        own = self._own
        effects = own.effects if data is None else self._all_effects(data)
        lost = [name for name in own.columns if name not in effects]
        if lost:
            raise ModelError(
                f"a result keeps no effects of {listed(lost)}; give the fitted data, predict(..., data=data), or use "
                "kind='population'."
            )
        require_columns(new, own.columns, "random=")
        total = np.zeros(len(new))
        for name in own.columns:
            found = effects[name]
            place = pd.Index(list(found.levels)).get_indexer(pd.Index(new[name]))
            strange = place < 0
            if strange.any() and unknown == "raise":
                raise ModelError(
                    f"{int(strange.sum()):,} rows are of a {name!r} that the fit has not seen (or of none). "
                    "unknown='zero' gives them the effect zero; kind='population' averages over groups."
                )
            total += np.where(strange, 0.0, found.mode[place])
        return total

    def glance(self) -> pd.DataFrame:
        """One row on the whole fit."""
        own = self._own
        check = np.nan if own.check is None else own.check.loglik
        return super().glance().assign(method=own.method, loglik_check=check, loglik_plain=own.loglik_plain)

    @property
    def how_integrated(self) -> str:
        """How random intercepts were integrated out, in words."""
        own = self._own
        return (
            "Laplace's approximation"
            if own.method == "laplace"
            else f"adaptive Gauss-Hermite quadrature with {own.nodes} nodes"
        )

    def _facts(self) -> dict[str, str]:
        own, facts = self._own, super()._facts()
        facts["log-likelihood"] = (
            f"{self.loglik:.4f} by {self.how_integrated}; without random intercepts {own.loglik_plain:.4f}"
        )
        facts["check"] = self._check_words()
        facts["search"] = (
            f"{self.fit.iterations} evaluations with the exact gradient, whose largest component is "
            f"{own.gradient:.1e} standard errors"
        )
        for row in self.random.itertuples(index=False):
            facts[f"sd of {row.group}"] = _sd_words(row)
        return facts

    def _check_words(self) -> str:
        check = self._own.check
        if check is None:
            return (
                "none needed: all standard deviations are zero, the model is that without random intercepts"
            )
        gap = check.loglik - self.loglik
        if check.mc_error is None:
            cure = "raise nodes=" if self._own.method == "agq" else 'use method="agq"'
            words = f"; the integration is coarse, {cure}" if abs(gap) > _COARSE else ""
            return f"{check.loglik:.4f} by {check.how}, a gap of {gap:+.4f}{words}"
        if np.isnan(check.mc_error):
            return f"{check.how}: inconclusive, one draw outweighs all others"
        size = f"{check.loglik:.2f} (Monte Carlo error {check.mc_error:.2f}) by {check.how}"
        return f"{size}, a gap of {gap:+.2f}"

    def summary(self, level: float = 0.95) -> Summary:
        """Table of fixed effects, with the random intercepts and the check of the likelihood above."""
        made = super().summary(level)
        notes = (
            "The gap is what the integration misses of the log-likelihood at these estimates; it moves the "
            "estimates where it changes with them.",
            "Ratios hold for given random intercepts; predict() averages over them.",
        )
        return replace(made, notes=(*made.notes, *notes))


def _sd_words(row: Any) -> str:
    if row.sd == 0:
        return f"0, at the boundary ({row.n_groups:,} groups); profile_sd(data) gives an interval"
    return (
        f"{row.sd:.4g} (95 %: {row.conf_low:.4g} to {row.conf_high:.4g}; {row.n_groups:,} groups; {row.share:.0%} of "
        f"the latent variance; boundary test p {_p(row.p_value)})"
    )


def _p(value: float) -> str:
    text = p_text(value)
    return text if text.startswith("<") else f"= {text}"


def averaged(eta: Floats, sd: float, given: Callable[[Floats], Floats]) -> Floats:
    r"""Average over normal intercepts, :math:`\int f(\eta + \sigma z) \phi(z) dz`, of the shape of eta.

    Notes
    -----
    By the trapezoidal rule, whose error falls exponentially with the step over the distance of the nearest
    singularity, which is proportional to :math:`1 / \sigma`.
    """
    step = _STEP / max(sd, 1.0)
    nodes = step * np.arange(-int(_REACH / step), int(_REACH / step) + 1)
    weights = np.exp(-(nodes**2) / 2)
    parts = (w * given(eta + sd * node) for node, w in zip(nodes, weights / weights.sum(), strict=True))
    return sum(parts, np.zeros_like(eta))
