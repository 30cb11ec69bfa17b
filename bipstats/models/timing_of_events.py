"""Timing of events: a first treatment and an outcome whose hazards share unobserved types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, require_frame
from bipstats.core.covariance import Vcov
from bipstats.core.design import Design, split_formula
from bipstats.core.estimates import Estimates
from bipstats.core.result import Fit, report, with_covariance
from bipstats.figure_words import Language, levels, terms
from bipstats.models.hazard_rows import BaselineKind, check_baseline
from bipstats.models.inputs import check_names
from bipstats.models.mixture_fit import (
    MassPoints,
    MixingLaw,
    check_mass_points,
    fit_mixture,
    refit_covariance,
    reported,
)
from bipstats.models.mixture_result import MixtureResult, chosen_by, mixture_fields
from bipstats.models.mixture_rows import find_id, one_point
from bipstats.models.mixtures import check_mixture_vcov
from bipstats.models.timing_rows import (
    PREFIXES,
    TimingSpecification,
    prepare_timing,
    read_effect,
)
from bipstats.tables import Summary

_IDENTIFIED = (
    "The effect is causal if nobody acts on knowing when treatment will come (no anticipation), if both hazards are "
    "proportional in time, covariates and types, and if types are independent of the covariates at time zero (Abbring "
    "& van den Berg 2003). What tells effect from selection is when treatment comes; the data test none of this."
)
_ORDER = (
    "Treatment is taken to come before the outcome where both fall in one period. Other exits censor; they must not "
    "depend on the types beyond the covariates."
)


@dataclass(frozen=True, repr=False, eq=False)
class TimingOfEventsResult(MixtureResult):
    """A first treatment and an outcome with unobserved types in common.

    Attributes
    ----------
    specification : TimingSpecification
    treatment_design : Design
        Of the treatment's hazard; `design` is that of the outcome's.
    naive : Estimates
        Both hazards without unobserved types.
    n_treated, n_together : int
        Persons who start treatment, and those of them whose outcome falls in the same period.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> people = {1: "000100", 2: "0001", 3: "001000", 4: "000011", 5: "00000", 6: "000110", 7: "0010",
    ...           8: "00000"}
    >>> rows = pd.DataFrame([(who, t, int(x)) for who, path in people.items() for t, x in enumerate(path)],
    ...                     columns=["client", "period", "start_now"])
    >>> rows["treated"] = rows.groupby("client")["start_now"].cummax()
    >>> rows["event"] = ((rows["client"] % 3 > 0) & ~rows.duplicated("client", keep="last")).astype(int)
    >>> rows["x"] = rows["client"] % 2
    >>> fit = bip.timing_of_events("x", "x", rows, mass_points=1, baseline=1)
    >>> fit.n_treated
    6
    >>> len(fit.naive.names) == len(fit.params)
    True
    """

    specification: TimingSpecification | None = None
    treatment_design: Design | None = None
    naive: Estimates | None = None
    n_treated: int = 0
    n_together: int = 0

    title: ClassVar[str] = "Timing of events"
    ratio: ClassVar[str | None] = "hazard ratio"
    hazards: ClassVar[tuple[str, ...]] = PREFIXES

    @property
    def _spec(self) -> TimingSpecification:
        assert self.specification is not None
        return self.specification

    @property
    def _naive(self) -> Estimates:
        assert self.naive is not None
        return self.naive

    @property
    def effect_terms(self) -> tuple[str, ...]:
        """Terms of the effect of treatment on the outcome's hazard."""
        name = f"{PREFIXES[0]}{self._spec.treated}"
        return tuple(f"{name}[{label}]" for label in self._spec.effect_labels) or (name,)

    @property
    def effects(self) -> pd.DataFrame:
        """Effect of treatment on the log hazard of the outcome, and what it would be without unobserved types.

        Columns ``term, estimate, std_error, conf_low, conf_high`` (95 %), ``naive, naive_std_error``.
        """
        own = self.tidy().set_index("term").loc[list(self.effect_terms)]
        naive = self._naive.tidy().set_index("term").loc[list(self.effect_terms)]
        frame = own[["estimate", "std_error", "conf_low", "conf_high"]].assign(
            naive=naive["estimate"], naive_std_error=naive["std_error"]
        )
        return frame.reset_index()

    @property
    def correlation(self) -> float | None:
        """Correlation of the multiplicative types exp(v) of outcome and treatment; of two points it is 1 or -1.

        None with one point, with a type whose event is sure, or where one of the two does not vary.
        """
        values, shares = np.exp(self._law.locations), self._law.probabilities
        if not np.isfinite(values).all():
            return None
        centred = values - shares @ values
        spread = np.sqrt(shares @ centred**2)
        if not (spread > 1e-12 * np.abs(shares @ values)).all():
            return None
        return float(shares @ centred.prod(axis=1) / spread.prod())

    def summary(self, level: float = 0.95) -> Summary:
        """Both hazards, with hazard ratios without unobserved types beside them."""
        made = super().summary(level)
        naive = pd.Series(np.exp(self._naive.values), index=list(self._naive.names))
        return replace(
            made, frame=made.frame.assign(**{"naive ratio": naive.reindex(made.frame["term"]).to_numpy()})
        )

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> TimingOfEventsResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_mixture_vcov(vcov)
        assert self.treatment_design is not None
        designs = (self.design, self.treatment_design)
        rows = prepare_timing(self._spec, require_frame(data), vcov, designs).rows
        made, transform = refit_covariance(rows, self._law, self.estimates.values, self.loglik, vcov)
        naive = self._naive
        places = [naive.names.index(f"{prefix}Intercept") for prefix in PREFIXES]
        one = MixingLaw(naive.values[None, places], np.zeros(1))
        plain, back = refit_covariance(rows, one, naive.values, self.tried[0].loglik, vcov)
        return replace(
            self,
            fit=replace(self.fit, flow=rows.flow),
            naive=report(naive.names, naive.values, plain, back),
            **with_covariance(self, made, transform),
        )

    def _term_labels(self, lang: Language) -> list[str]:
        pairs = [str(name).split(":", 1) for name in self.plot_data()["term"]]
        return [f"{levels([part], lang)[0]}: {terms([own], lang)[0]}" for part, own in pairs]

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        effect = (
            "constant"
            if not self._spec.effect
            else f"by periods since treatment ({', '.join(self._spec.effect_labels)})"
        )
        return (
            f"We estimated the hazards of a first treatment and of the outcome jointly (timing of events; "
            f"complementary log-log), with unobserved types of {self.n_points} mass points ({chosen_by(self.asked)}) "
            f"and an effect of treatment that is {effect}, by maximum likelihood on {self.nobs:,} person-period rows "
            f"of {self._n_units:,} persons with {self.n_treated:,} treatments and {self.n_events:,} outcomes; "
            f"{self._errors_and_software()}"
        )

    def _words(self) -> tuple[str, ...]:
        return (
            *super()._words(),
            _IDENTIFIED,
            _ORDER,
            "The naive ratio is that of the same hazards without unobserved types.",
        )

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        facts["mass points"] += " (outcome, treatment)"
        facts["treated"] = (
            f"{self.n_treated:,} of {self._n_units:,} persons; {self.n_together:,} of them have the outcome in the "
            "same period"
        )
        if self.correlation is not None:
            facts["correlation of types"] = f"{self.correlation:.3f}" + (
                " (two points: 1 or -1)" if self.n_points == 2 else ""
            )
        return facts


def timing_of_events(
    outcome: str,
    treatment: str,
    data: pd.DataFrame,
    *,
    treated: str = "treated",
    event: str = "event",
    period: str = "period",
    id: str | None = None,
    exposure: str | None = None,
    effect: Literal["constant"] | Sequence[int] = "constant",
    baseline: BaselineKind = "period",
    mass_points: MassPoints = "aic",
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> TimingOfEventsResult:
    r"""Estimate the effect of a first treatment on an outcome's hazard where both depend on what is not observed.

    Parameters
    ----------
    outcome, treatment : str
        Right-hand sides for the two hazards; baselines and the effect need no term.
    data : pandas.DataFrame
        One row per person and period from period zero to the outcome or censoring, without gaps.
    treated : str, default "treated"
        Column of 0/1: 1 from the period in which treatment starts to the last row.
    event : str, default "event"
        The outcome: a column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    period : str, default "period"
        In the order of time; time since treatment is counted in these.
    id : str, optional
        Column of persons; ``client`` where there is one.
    exposure : str, optional
        Column with the share of the period at risk, in (0, 1], for both hazards.
    effect : "constant" or list of int, default "constant"
        The effect on the log hazard of the outcome: one number; or one for each span of periods since treatment,
        which begin at these, e.g. ``[0, 13, 26]``.
    baseline : {"period"} or int, default "period"
        For both hazards: one effect per period, or a natural cubic spline with so many degrees of freedom.
    mass_points : int, "aic" or "bic", default "aic"
        Number of points of the law of the two intercepts, or the best of one to five.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Observed information; sandwich with one unit per person; cluster-robust, clusters of whole persons.
    missing : {"raise", "drop"}
        For covariates; the history (outcome, treatment, period) must be complete.

    Returns
    -------
    TimingOfEventsResult
        Terms ``outcome:...`` and ``treatment:...``; the effect is ``outcome:treated``, or ``outcome:treated[0-12]``,
        ... by time since treatment.

    Raises
    ------
    ModelError
        Treatment at time zero, treatment that is undone (then assignment is dynamic: Sianesi 2004; Vikström 2017),
        late entry, gaps, rows after the outcome; or the data do not carry so many points.

    Notes
    -----
    Person i has the type :math:`(v_e, v_u)` with probability :math:`\pi_k`, and until the first treatment or the
    outcome

    .. math::
        P(\text{treatment in } t) = 1 - \exp(-\exp(\gamma_t + z'\beta_u + v_u)), \qquad
        P(\text{outcome in } t) = 1 - \exp(-\exp(\alpha_t + x'\beta_e + \delta(t - s)\,[t \ge s] + v_e)),

    with s the period of treatment, from the second on: it is decided first, so that the outcome of period s is one
    under treatment. The likelihood sums the product of both over the points. If persons of one type are treated and
    leave early, the naive effect takes the type for the treatment; the joint law of the types takes it out.

    Assumed are no anticipation (before s the outcome's hazard does not depend on s; a placebo with leads of treatment
    cannot show it, for those treated later have no outcome before), proportional hazards, and types independent of the
    covariates at time zero. AIC is the default, as too few points leave selection in the effect (Gaure, Røed & Zhang
    2007).

    References
    ----------
    Abbring, J. & van den Berg, G. (2003). The nonparametric identification of treatment effects in duration models.
    *Econometrica*.
    Gaure, S., Røed, K. & Zhang, T. (2007). Time and causality: A Monte Carlo assessment of the timing-of-events
    approach. *Journal of Econometrics*.
    Sianesi, B. (2004). An evaluation of the Swedish system of active labor market programs in the 1990s. *Review of
    Economics and Statistics*.
    Vikström, J. (2017). Dynamic treatment assignment and evaluation of active labor market policies. *Labour
    Economics*.

    Examples
    --------
    >>> import numpy as np, pandas as pd, bipstats as bip
    >>> draw = np.random.default_rng(1)
    >>> rows = pd.DataFrame({"client": np.repeat(np.arange(200), 4), "period": np.tile(np.arange(4), 200)})
    >>> start, end = draw.integers(1, 8, 200)[rows["client"]], draw.integers(0, 6, 200)[rows["client"]]
    >>> rows = rows.assign(x=draw.normal(size=200)[rows["client"]], treated=(rows["period"] >= start).astype(int),
    ...                    event=(rows["period"] == end).astype(int))[rows["period"] <= end]
    >>> fit = bip.timing_of_events("x", "x", rows, mass_points=1)
    >>> fit.effect_terms
    ('outcome:treated',)
    """
    check_mass_points(mass_points)
    check_mixture_vcov(vcov)
    check_baseline(baseline)
    check_names({"treated": treated, "event": event, "period": period}, {"exposure": exposure, "id": id})
    require_frame(data)
    formulas = [split_formula(formula, two_sided=False)[1] for formula in (outcome, treatment)]
    spec = TimingSpecification(
        formulas[0],
        formulas[1],
        treated,
        event,
        period,
        exposure,
        find_id(data, id),
        read_effect(effect),
        baseline,
        missing,
    )
    found = prepare_timing(spec, data, vcov, None)
    rows = found.rows
    fitted = fit_mixture(rows, one_point(found.outcome.rows, found.treatment.rows), mass_points, vcov)
    best = fitted.chosen.found
    return TimingOfEventsResult(
        fitted.estimates,
        found.outcome.rows.design,
        Fit(best.at.loglik, rows.n_rows, rows.n_events, len(rows.units), best.iterations, rows.flow),
        fitted.made.clusters,
        **mixture_fields(fitted, mass_points),
        specification=replace(spec, points=len(fitted.law.log_odds)),
        treatment_design=found.treatment.rows.design,
        naive=reported(rows, fitted.stages[0].found.at, vcov)[1],
        n_treated=found.n_treated,
        n_together=found.n_together,
    )
