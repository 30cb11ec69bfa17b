"""Fine and Gray's proportional subdistribution hazards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, Missing, group_codes, require_frame
from bipstats.core.covariance import Cluster, Covariance, covariance
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, Result, report, used_columns, with_covariance
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.models.cox_rows import Ties
from bipstats.models.fine_gray_rows import FineGrayRows, FineGraySpecification, prepare
from bipstats.models.identify import require_same_fit
from bipstats.models.inputs import check_names, default_id, read_grid
from bipstats.models.kernels.cox import BaselineHazard, baseline_hazard
from bipstats.models.kernels.fine_gray import evaluate, risk_sums, score_sums, weight_sums
from bipstats.models.search import find_maximum
from bipstats.models.separation import separated_risks

_BASELINE_TIMES = 4096
SubdistributionVcov = Literal["robust"] | Cluster


@dataclass(frozen=True, repr=False, eq=False)
class FineGrayResult(Result):
    """A fitted Fine-Gray model.

    Attributes
    ----------
    specification : FineGraySpecification
    baseline : BaselineHazard or None
        Baseline subdistribution hazard at the covariates' means; None beyond 4,096 event times.
    exits : dict of str to int
        Persons by what ended their time: the event first, then the competing exits, then censoring.
    n_late : int
        Persons who come under observation late, so that entry is weighted too.
    followed_to : float
        Last time at which anyone was under observation.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.fine_gray("age + sex", rows, start=None, stop="weeks", event="exit == job")
    >>> fit.params.index.tolist()
    ['age', 'sex[male]']
    >>> next(iter(fit.exits)), sum(fit.exits.values()) == len(rows)
    ('job', True)
    """

    specification: FineGraySpecification | None = None
    baseline: BaselineHazard | None = None
    exits: dict[str, int] | None = None
    n_late: int = 0
    followed_to: float = np.inf

    title: ClassVar[str] = "Fine-Gray subdistribution hazards"
    ratio: ClassVar[str] = "subdistribution hazard ratio"
    link: ClassVar[Literal["log"]] = "log"

    @property
    def _spec(self) -> FineGraySpecification:
        assert self.specification is not None
        return self.specification

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["incidence", "relative_risk"] = "incidence",
        times: float | Iterable[float] | None = None,
    ) -> pd.Series | pd.DataFrame:
        r"""Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"incidence", "relative_risk"}
            Cumulative incidence :math:`1 - \exp(-H_0(t) e^{x'b})`; or ``exp(x'b)``, the subdistribution hazard
            against covariates zero.
        times : float or iterable of float, optional
            Times of the incidences, up to the end of follow-up; the event times if not given.

        Returns
        -------
        pandas.DataFrame or pandas.Series
            One row per row of `new` and one column per time; or relative risks by row.
        """
        check_option("kind", kind, ("incidence", "relative_risk"))
        if kind == "incidence":
            return self._incidence(new, times)
        if times is not None:
            raise ModelError("times= belongs to kind='incidence'.")
        return pd.Series(self._relative(new, 0.0), index=new.index, name="relative_risk")

    def with_vcov(self, vcov: SubdistributionVcov, data: pd.DataFrame) -> FineGrayResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        _check_vcov(vcov)
        rows = prepare(self._spec, data, vcov, self.design)
        working = self.estimates.values * rows.scale
        at = evaluate(working, rows.problem)
        require_same_fit(at, self.loglik)
        made = _covariance(vcov, self._spec, rows, working, at.information)
        return replace(self, **with_covariance(self, made, np.diag(1 / rows.scale)))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self._spec
        entry = " and of entry (Geskus 2011)" if self.n_late else ""
        cases = "" if spec.weights is None else f", with case weights {spec.weights}"
        return (
            f"We estimated a proportional subdistribution hazards model (Fine and Gray 1999; {spec.ties.capitalize()} "
            f"handling of ties) of {spec.event!r} with {self._ends()}; those with competing exits stay at risk with "
            f"weights from product-limit estimates of censoring{entry}{cases}; {self._errors_and_software()}"
        )

    def _relative(self, new: pd.DataFrame, centre: Floats | float) -> Floats:
        with np.errstate(over="ignore"):
            risk = np.exp((self.design.matrix(new) - centre) @ self.estimates.values)
        if not np.isfinite(risk).all():
            raise ModelError(
                "relative risks are out of a number's range: some covariate lies far from zero (a year?). "
                "Centre it, e.g. I(year - 2013)."
            )
        return risk

    def _incidence(self, new: pd.DataFrame, times: float | Iterable[float] | None) -> pd.DataFrame:
        base = self.baseline
        if base is None:
            raise ModelError(f"the baseline has more than {_BASELINE_TIMES:,} event times and was not kept.")
        grid = base.times if times is None else read_grid(times, self.followed_to)
        hazard = np.concatenate([[0.0], np.cumsum(base.increment)])
        hazard = hazard[np.searchsorted(base.times, grid, side="right")]
        risk = self._relative(new, base.centre)
        return pd.DataFrame(-np.expm1(-np.outer(risk, hazard)), index=new.index, columns=grid)

    def _ends(self) -> str:
        return ", ".join(f"{count:,} {level}" for level, count in (self.exits or {}).items())

    def _facts(self) -> dict[str, str]:
        entry = f"; {self.n_late:,} enter late, weighted by entry too" if self.n_late else ""
        return {
            **super()._facts(),
            "ended by": self._ends(),
            **used_columns(case_weights=self._spec.weights),
            "weights": "product-limit estimate of censoring" + entry,
            "ties": self._spec.ties,
        }


def fine_gray(
    formula: str,
    data: pd.DataFrame,
    *,
    start: str | None = "start",
    stop: str = "stop",
    event: str = "exit == job",
    id: str | Sequence[str] | None = None,
    weights: str | None = None,
    ties: Ties = "efron",
    censored: str | None = "censored",
    vcov: SubdistributionVcov = "robust",
    missing: Missing = "raise",
) -> FineGrayResult:
    r"""Fit Fine and Gray's proportional subdistribution hazards: effects on a cumulative incidence.

    Parameters
    ----------
    formula : str
        Right-hand side, with covariates known at the start: ``"age + sex"``.
    data : pandas.DataFrame
        One row a person, or several that touch and differ in time only; they are joined.
    start : str or None, default "start"
        Column with the time at which a row comes under observation; None means that every row starts at 0.
    stop : str, default "stop"
    event : str, default "exit == job"
        The level of a column that is the event; every other level but `censored` is a competing exit.
    id : str or list of str, optional
        Column that says which rows belong together; ``client`` is taken where there is one, else every row is a
        person.
    weights : str, optional
        Column of positive case weights. They count in the estimates of censoring and entry too, so that weight 2
        is two copies (Breslow), which R's ``finegray`` leaves out.
    ties : {"efron", "breslow"}
        Breslow's is that of ``cmprsk::crr``.
    censored : str or None, default "censored"
        The level that ends a row without an exit; None if nobody was censored.
    vcov : {"robust"} or bip.cluster(...), default "robust"
        Fine and Gray's variance, with the estimation of the weights in it; its influence values summed over
        clusters. There is no model-based one: the inverse information is no variance when weights are estimated.
    missing : {"raise", "drop"}
        What to do with persons who lack a value in some row.

    Returns
    -------
    FineGrayResult

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows. Covariates
        that change within a person are refused.

    Notes
    -----
    With :math:`F(t|x)` the cumulative incidence of the event, :math:`-\log(1 - F(t|x)) = H_0(t) e^{x'\beta}`. Who
    leaves by a competing exit at T stays at risk of later t with weight

    .. math:: w(t) = \frac{G(t-) H(t-)}{G(T-) H(T-)},

    G the product-limit estimate of not being censored, H that of having entered (one without delayed entry). At
    a tie, censoring comes after exits, as in ``survival::finegray``; ``cmprsk::crr`` counts who exits at c as at risk
    of being censored at c. A ratio orders incidences; it is no effect on a rate of those still there.

    References
    ----------
    Fine, J. & Gray, R. (1999). A proportional hazards model for the subdistribution of a competing risk. *JASA*.
    Geskus, R. (2011). Cause-specific cumulative incidence estimation and the Fine and Gray model under both left
    truncation and right censoring. *Biometrics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"weeks": [1, 2, 3, 4, 5, 6, 7, 8], "age": [20, 40, 30, 50, 25, 45, 35, 30],
    ...     "exit": ["job", "pension", "job", "censored", "censored", "job", "pension", "job"]})
    >>> fit = bip.fine_gray("age", rows, start=None, stop="weeks")
    >>> round(float(fit.params["age"]), 4)
    -0.1002
    """
    check_option("ties", ties, ("efron", "breslow"))
    _check_vcov(vcov)
    check_names({"stop": stop, "event": event}, {"start": start, "weights": weights, "censored": censored})
    require_frame(data)
    right = split_formula(formula, two_sided=False)[1]
    spec = FineGraySpecification(
        right, start, stop, event, default_id(data, id), weights, ties, censored, missing
    )
    rows = prepare(spec, data, vcov, None)
    problem, names = rows.problem, rows.design.names
    n_events = len(problem.cox.died)
    best = find_maximum(
        lambda beta: evaluate(beta, problem),
        lambda beta: evaluate(beta, problem).loglik,
        np.zeros(len(names)),
        names=names,
        n_events=n_events,
        at_risk=float(problem.cox.tied_weight.sum()),
        explain=lambda: separated_risks(names, rows.risks),
    )
    made = _covariance(vcov, spec, rows, best.params, best.at.information)
    estimates = report(names, best.params / rows.scale, made, np.diag(1 / rows.scale))
    fit = Fit(best.at.loglik, rows.n_complete, n_events, rows.n_ids, best.iterations, rows.flow)
    return FineGrayResult(
        estimates, rows.design, fit, made.clusters, spec, _baseline(best.params, rows), rows.exits, rows.n_late,
        rows.followed_to,
    )  # fmt: skip


def _check_vcov(vcov: object) -> None:
    if isinstance(vcov, Cluster):
        return
    if vcov == "model":
        raise OptionError(
            "vcov='model' is no variance here: the weights are estimated, so the inverse information is not one. "
            "Give 'robust' (Fine and Gray's) or bip.cluster(...)."
        )
    check_option("vcov", vcov, ("robust",))


def _covariance(
    vcov: SubdistributionVcov,
    spec: FineGraySpecification,
    rows: FineGrayRows,
    working: Floats,
    information: Floats,
) -> Covariance:
    """Covariance in the working parameters, from the influence of rows on score and weights."""
    sums, problem = risk_sums(working, rows.problem), rows.problem

    def influence(group: Ints) -> Floats:
        return score_sums(sums, problem, group) + weight_sums(sums, problem, group)

    made = covariance(
        vcov,
        information,
        score_sums=influence,
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=spec.id,
        n_rows=len(rows.data),
    )
    return replace(made, how=made.how + ", estimation of the weights included")


def _baseline(working: Floats, rows: FineGrayRows) -> BaselineHazard | None:
    """Baseline subdistribution hazard at the means of the covariates, if it is small enough to keep."""
    if len(rows.problem.cox.sets.times) > _BASELINE_TIMES:
        return None
    base = baseline_hazard(risk_sums(working, rows.problem).at_events, rows.problem.cox)
    return replace(base, centre=rows.centre, mean=rows.scale * base.mean)
