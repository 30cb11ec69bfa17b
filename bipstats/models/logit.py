"""Binary logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Missing, require_columns, require_frame
from bipstats.core.covariance import Covariance, Vcov, check_vcov
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.estimates import check_level
from bipstats.core.result import Fit, used_columns, with_covariance
from bipstats.core.stream import is_stream, open_parts
from bipstats.errors import ModelError, check_option
from bipstats.models.absorbed import NOTHING_ABSORBED
from bipstats.models.absorbing import refuse_absorbing_effects
from bipstats.models.binomial import (
    BinomialResult,
    BinomialRows,
    binomial_objective,
    binomial_rows,
    fit_binomial,
    intercept,
    refit_covariance,
)
from bipstats.models.binomial_rows import (
    adjusts_rows,
    counted_rows,
    counting_rows,
    identifiers,
    informative_rows,
    read_absorb,
    written_out,
)
from bipstats.models.firth import firth_objective, fit_firth, refit_firth_covariance
from bipstats.models.inputs import check_names, event_column, event_indicator
from bipstats.models.kernels.binomial import mean
from bipstats.models.profile import LikelihoodProfile, profile_likelihood
from bipstats.models.streamed import fit_stream, open_stream, recover_stream
from bipstats.models.streamed_passes import Stream, identifiers_of
from bipstats.models.streamed_refusals import refuse_in_stream, refuse_without_stream
from bipstats.models.streamed_scan import Reading

Penalty = Literal["firth"]


@dataclass(frozen=True, slots=True)
class LogitSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    weights: str | None
    missing: Missing
    absorb: tuple[str, ...] = ()
    penalty: Penalty | None = None
    counts: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class LogitResult(BinomialResult):
    """A fitted logit.

    Attributes
    ----------
    specification : LogitSpecification

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.logit("entered ~ caseworker_belief + sex", rows, vcov="robust")
    >>> fit.params.index.tolist()
    ['Intercept', 'caseworker_belief', 'sex[male]']
    >>> bool(fit.predict(rows, "probability").between(0, 1).all())
    True
    """

    specification: LogitSpecification | None = None

    title: ClassVar[str] = "Logit"
    ratio: ClassVar[str] = "odds ratio"
    link: ClassVar[Literal["logit"]] = "logit"

    @property
    def _spec(self) -> LogitSpecification:
        assert self.specification is not None
        return self.specification

    def predict(self, new: pd.DataFrame, kind: Literal["probability"] = "probability") -> pd.Series:
        """Probability of the outcome for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"probability"}

        Returns
        -------
        pandas.Series
        """
        check_option("kind", kind, ("probability",))
        self.refuse_absorbed("a probability")
        eta = self.estimates.values[0] + self.design.matrix(new) @ self.estimates.values[1:]
        return pd.Series(mean(eta, "logit"), index=new.index, name="probability")

    def with_vcov(self, vcov: Vcov, data: Any) -> LogitResult:
        """Give the same fit with another covariance; `data` must be the fitted data, in memory or streamed."""
        check_vcov(vcov)
        if is_stream(data):
            return self._with_streamed_vcov(vcov, data)
        rows = _prepared(self._spec, require_frame(data), vcov, self.design)
        made = self._remade(rows, vcov)
        fit = replace(self.fit, flow=rows.flow)
        return replace(self, fit=fit, **with_covariance(self, made, rows.transform))

    def _with_streamed_vcov(self, vcov: Vcov, data: object) -> LogitResult:
        names, values = self.estimates.names, self.estimates.values
        found = recover_stream(_stream(self._spec, data, vcov), self.design, names, values, self.loglik)
        fit = replace(self.fit, flow=found.flow)
        return replace(self, fit=fit, **with_covariance(self, found.made, found.transform))

    def profile(
        self, data: pd.DataFrame, term: str | Sequence[str] | None = None, level: float = 0.95
    ) -> LikelihoodProfile:
        r"""Likelihood-ratio tests and profile-likelihood intervals, penalised if the fit is.

        Parameters
        ----------
        data : pandas.DataFrame
            The fitted data.
        term : str or list of str, optional
            Terms to profile; all of them if not given.
        level : float, default 0.95

        Returns
        -------
        LikelihoodProfile
            ``.table`` with ``term, estimate, conf_low, conf_high, statistic, p_value``.

        Notes
        -----
        The interval of :math:`\beta_j` holds the values b with :math:`2 (l(\hat\beta) - \max_{\beta_j = b}
        l(\beta)) \le \chi^2_{1, level}`; with a penalty, l is the penalised log-likelihood and the penalty
        stays that of the whole model (Heinze & Schemper 2002). The model's likelihood is profiled whatever
        the covariance of the fit: rows count as independent.
        """
        check_level(level)
        self.refuse_absorbed("a profile likelihood")
        rows = _prepared(self._spec, require_frame(data), "model", self.design)
        self._remade(rows, "model")  # refuses other data
        best: Floats = np.linalg.solve(rows.transform, self.estimates.values).astype(float)
        penalised = self._spec.penalty is not None
        objective = firth_objective(rows, best) if penalised else binomial_objective(rows, best)
        likelihood = "penalised likelihood (Firth)" if penalised else "likelihood"
        return profile_likelihood(self, objective, rows.transform, term, level, likelihood)

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        how = "maximum likelihood" if self._spec.penalty is None else f"{_PENALISED} (Firth 1993)"
        rows = f"{self.nobs:,} rows with {self.n_events:,} events"
        rows += "" if self._spec.weights is None else f", weighted by {self._spec.weights},"
        fit = f"We estimated a logit of {self._spec.outcome} on {rows} by {how}{self.with_effects}"
        return f"{fit}; {self._errors_and_software()}"

    def _remade(self, rows: BinomialRows, vcov: Vcov) -> Covariance:
        """Another covariance; refuses data on which the fit does not recur."""
        remake = refit_covariance if self._spec.penalty is None else refit_firth_covariance
        return remake(rows, vcov, self.estimates.values, self.loglik)

    def _facts(self) -> dict[str, str]:
        facts = super()._facts() | used_columns(weights=self._spec.weights, counts=self._spec.counts)
        return facts if self._spec.penalty is None else {**facts, "penalty": f"Firth: {_PENALISED}"}


_PENALISED = "maximum likelihood penalised by Jeffreys' prior"


def logit(
    formula: str,
    data: Any,
    *,
    weights: str | None = None,
    counts: str | None = None,
    absorb: str | Sequence[str] | None = None,
    vcov: Vcov = "model",
    missing: Missing = "raise",
    penalty: Penalty | None = None,
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> LogitResult:
    r"""Fit a binary logit by maximum likelihood, or by Firth's penalised likelihood.

    Parameters
    ----------
    formula : str
        ``"entered ~ caseworker_belief + age"``; the outcome is a column of 0/1.
    data : pandas.DataFrame, path, pyarrow.dataset.Dataset or dask.dataframe.DataFrame
        One row a case. From a path (a Parquet file, or a folder of them), a dataset of Parquet files or a dask data
        frame rows are streamed and never held; the result is the same (see Notes).
    weights : str, optional
        Column of positive case weights.
    counts : str, optional
        Column that says how many equal rows a row stands for (whole numbers): everything is as if they were written
        out, the number of rows and robust errors included. A weight (of sampling, say) is something else: it changes
        what a row adds to the likelihood, and leaves the row one.
    absorb : str or list of str, optional
        Columns whose levels have an effect each that is not reported, e.g. ``["caseworker", "quarter"]``.
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...), default "model"
        Expected information; sandwich with each row a unit; cluster-robust.
    missing : {"raise", "drop"}
    penalty : {None, "firth"}
        Jeffreys' prior as penalty: finite estimates under separation and less bias with few events. With
        ``vcov="model"`` only. Weights count as copies of the row, in the penalty too.
    progress : bool, optional
        Of streamed data: draw a bar for each pass. None: on a terminal or in a notebook only.
    checkpoint : str or path, optional
        Of streamed data: a small JSON file, written after each pass; called again after an interruption with the same
        arguments and data, the fit goes on from the last finished pass. It holds no rows.

    Returns
    -------
    LogitResult
        Terms: ``Intercept`` (none with `absorb`), then the formula's; slopes are log odds ratios.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows. Also for
        absorbed effects of units whose time at risk the outcome ends (clients, for entry into a job).

    Notes
    -----
    Absorbing is maximum likelihood with all the dummies, exactly; their effects count as parameters. Levels with
    one outcome only have infinite effects: their rows are left out and counted. With many small groups (clients)
    the slopes are biased away from zero, twofold with two rows a group (incidental parameters); condition on the
    groups instead (`bip.conditional_logit`). Equal rows of one cluster are collapsed to counts, which is exact.

    With ``penalty="firth"`` the estimate maximises :math:`l(\beta) + \tfrac12 \log |I(\beta)|`, the errors
    are from :math:`I^{-1}` there, as R's brglm2 gives them, and ``.loglik`` is :math:`l` without the penalty.
    Under separation Wald intervals are poor: use ``fit.profile(data)``.

    Streamed data are read in a few passes: one to see what there is, then Newton's steps from the fit of a sample, and
    one for the errors. Only the columns that are named are read. Robust and clustered errors need a table of the
    clusters' sums where there are at most 65,536; of more, the rows of a cluster must stand together, or lie in one
    file (partition) each, which is checked. What needs all rows at once is refused: `absorb`,
    `penalty`, CR2, the jackknife, the score bootstrap, and splines whose knots are quantiles of the rows.

    References
    ----------
    Chamberlain, G. (1980). Analysis of covariance with qualitative data. *Review of Economic Studies*.
    Firth, D. (1993). Bias reduction of maximum likelihood estimates. *Biometrika*.
    Heinze, G. & Schemper, M. (2002). A solution to the problem of separation in logistic regression.
    *Statistics in Medicine*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6]})
    >>> bip.logit("y ~ x", rows).params.round(3).to_dict()
    {'Intercept': -2.358, 'x': 0.674}
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:  # the same from a file, whose rows are never held
    ...     rows.to_parquet(Path(folder) / "rows.parquet")
    ...     streamed = bip.logit("y ~ x", folder)
    >>> streamed.params.round(3).to_dict()
    {'Intercept': -2.358, 'x': 0.674}
    >>> separated = rows.assign(y=[0, 0, 0, 1, 1, 1])
    >>> fit = bip.logit("y ~ x", separated, penalty="firth")
    >>> fit.profile(separated, "x").table.iloc[0, 1:].astype(float).round(3).to_dict()
    {'estimate': 1.129, 'conf_low': 0.002, 'conf_high': 6.07, 'statistic': 3.857, 'p_value': 0.05}
    """
    check_vcov(vcov)
    check_option("penalty", penalty, (None, "firth"))
    check_names({}, {"weights": weights, "counts": counts})
    if not is_stream(data):
        refuse_without_stream(progress, checkpoint)
        require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = LogitSpecification(outcome, rhs, weights, missing, read_absorb(absorb), penalty, counts)
    if penalty is not None and spec.absorb:
        raise ModelError(
            f'penalty="firth" cannot absorb {" and ".join(spec.absorb)}: the penalty is that of all coefficients. Put '
            f"{' + '.join(f'C({name})' for name in spec.absorb)} into the formula instead of absorb=."
        )
    if is_stream(data):
        found = fit_stream(_stream(spec, data, vcov, progress, checkpoint))
        return LogitResult(found.estimates, found.design, found.fit, found.clusters, NOTHING_ABSORBED, spec)
    refuse_absorbing_effects(data, outcome, spec.absorb, counts=counts)
    rows = _prepared(spec, data, vcov, None)
    fitted = fit_binomial(rows, vcov) if penalty is None else fit_firth(rows, vcov)
    best = fitted.best
    fit = Fit(best.at.loglik, rows.n_rows, rows.n_events, None, best.iterations, rows.flow)
    return LogitResult(fitted.estimates, rows.design, fit, fitted.made.clusters, rows.absorbed, spec)


def _prepared(
    spec: LogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> BinomialRows:
    if spec.counts is not None and adjusts_rows(vcov):
        data, spec = written_out(data, spec.counts), replace(spec, counts=None)
    return counting_rows(lambda collapse: _prepare(spec, data, vcov, design, collapse), vcov, None)


def _prepare(
    spec: LogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, collapse: bool
) -> BinomialRows:
    """Check and collapse rows, leave out those that say nothing, and build the design (or reuse one)."""
    covariates, clusters = formula_columns(spec.formula), identifiers(vcov, None)
    require_columns(data, covariates)
    others = [event_column(spec.outcome), *spec.absorb]
    numeric = [name for name in (spec.weights, spec.counts) if name is not None]
    require_columns(data, [*others, *numeric], "the model")
    require_columns(data, clusters, "vcov=")
    counted, n_missing = counted_rows(
        data,
        [*covariates, *others],
        clusters,
        spec.weights,
        spec.missing,
        collapse=collapse,
        counts=spec.counts,
    )
    outcome = event_indicator(counted.data, spec.outcome)
    if outcome.all():
        raise ModelError(
            f"the outcome {spec.outcome!r} is 1 in all {len(outcome):,} rows; nothing can be estimated."
        )
    found = informative_rows(counted, outcome, spec.absorb, None)
    rows = found.rows
    if design is None:
        design, matrix = fit_design(spec.formula, rows.data, rows.count)
    else:
        matrix = design.matrix(rows.data)
    return binomial_rows(
        matrix,
        design,
        rows,
        found.event,
        intercept(len(rows.data)),
        found.factors,
        offset=np.zeros(len(rows.data)),
        link="logit",
        unit=None,
        flow=(("given", counted.given(n_missing)), ("with missing values", n_missing), *found.flow),
        penalised=spec.penalty is not None,
    )


def _stream(
    spec: LogitSpecification,
    data: object,
    vcov: Vcov,
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Stream:
    refuse_in_stream({"absorb": bool(spec.absorb), "penalty": spec.penalty is not None}, vcov, spec.formula)
    reading = Reading(
        spec.formula,
        spec.outcome,
        None,
        None,
        spec.weights,
        "logit",
        "period",
        spec.missing,
        identifiers_of(vcov, None),
        spec.counts,
    )
    return open_stream(reading, open_parts(data), vcov, None, progress, checkpoint)
