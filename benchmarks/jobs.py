"""What is measured: every job is made from a frame and gives (coefficients, standard errors) when it is called.

A job's name is ``who model``; ``kernel`` is ours from arrays to estimates with cluster errors, the arrays having been
prepared before the clock starts, ``whole`` is ours from frame to result. Every call states what its peer is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

X = [f"x{k}" for k in range(1, 26)]
FORMULA = " + ".join(X)
Job = Callable[[], object]


def cox_whole(data: pd.DataFrame, *, merged: bool = True) -> Job:
    """`bip.cox`, Efron; as given: rows are not merged, for no id is known."""
    import bipstats as bip

    rows = data if merged else data.drop(columns="client")

    def job() -> tuple[pd.Series, pd.Series]:
        fit = bip.cox(FORMULA, rows, vcov=bip.cluster("caseworker"))
        return fit.params, fit.bse

    return job


def cox_kernel(data: pd.DataFrame, *, merged: bool = True) -> Job:
    """Newton and cluster errors on prepared risk sets."""
    from bipstats.core.covariance import cluster, covariance
    from bipstats.models.cox_rows import CoxSpecification, prepare
    from bipstats.models.kernels.cox import evaluate, log_likelihood, risk_sums, score_sums
    from bipstats.models.kernels.newton import maximise

    by = cluster("caseworker")
    who = "client" if merged else None
    spec = CoxSpecification(FORMULA, "start", "stop", "event", who, None, None, None, "efron", "raise")
    rows = prepare(spec, data, by, None)
    problem, codes = rows.problem, pd.factorize(rows.data["caseworker"])[0]

    def job() -> tuple[np.ndarray, np.ndarray]:
        best = maximise(lambda b: evaluate(b, problem), lambda b: log_likelihood(b, problem), np.zeros(25))
        sums = risk_sums(best.params, problem)
        made = covariance(
            by,
            best.at.information,
            lambda group: score_sums(sums, problem, group),
            lambda _: codes,
            None,
            len(codes),
        )
        return best.params / rows.scale, np.sqrt(np.diag(made.matrix)) / rows.scale

    return job


def hazard_whole(data: pd.DataFrame, link: str) -> Job:
    """`bip.hazard`: one effect a period, errors clustered by caseworker."""
    import bipstats as bip

    def job() -> tuple[pd.Series, pd.Series]:
        fit = bip.hazard(FORMULA, data, link=link, vcov=bip.cluster("caseworker"))
        return fit.params, fit.bse

    return job


def hazard_kernel(data: pd.DataFrame, link: str) -> Job:
    """Newton and cluster errors on rows that are collapsed already."""
    import bipstats as bip
    from bipstats.models.binomial import fit_binomial
    from bipstats.models.hazard_rows import HazardSpecification, prepare

    by = bip.cluster("caseworker")
    spec = HazardSpecification(FORMULA, "event", "period", None, link, "raise")
    rows = prepare(spec, data, by, None, collapse=True).rows
    return lambda: fit_binomial(rows, by)


def absorbed_whole(data: pd.DataFrame) -> Job:
    """`bip.logit` with both factors absorbed; the factor of the errors is that of pyfixest's CRV1."""
    import bipstats as bip

    by = bip.cluster("caseworker", small_sample="CR1S")

    def job() -> tuple[pd.Series, pd.Series]:
        fit = bip.logit(f"event ~ {FORMULA}", data, absorb=["caseworker", "period"], vcov=by)
        return fit.params, fit.bse

    return job


def absorbed_kernel(data: pd.DataFrame) -> Job:
    """Newton and cluster errors on rows that are collapsed already."""
    import bipstats as bip
    from bipstats.models.binomial import fit_binomial
    from bipstats.models.logit import LogitSpecification, _prepared

    by = bip.cluster("caseworker", small_sample="CR1S")
    spec = LogitSpecification("event", FORMULA, None, "raise", absorb=("caseworker", "period"))
    rows = _prepared(spec, data, by, None)
    return lambda: fit_binomial(rows, by)


def intercepts_whole(data: pd.DataFrame, *, crossed: bool) -> Job:
    """Random intercepts by Laplace: of client and caseworker; or of the caseworker beside one effect a period."""
    import bipstats as bip

    slopes = _slopes(data)

    def job() -> tuple[pd.Series, pd.Series]:
        if crossed:
            fit = bip.mixed_logit(f"event ~ {' + '.join(slopes)}", data, random=["client", "caseworker"])
        else:
            fit = bip.hazard(" + ".join(slopes), data, link="logit", random="caseworker")
        return fit.params[slopes], fit.bse[slopes]

    return job


def frailty_whole(data: pd.DataFrame, distribution: str) -> Job:
    """`bip.frailty_cox` by caseworker with interval and test of the variance; errors at a known variance, as R's."""
    import bipstats as bip

    method = "ml" if distribution == "gamma" else "reml"

    def job() -> tuple[pd.Series, np.ndarray]:
        fit = bip.frailty_cox(FORMULA, data, group="caseworker", distribution=distribution, method=method)
        return fit.params, np.sqrt(np.diag(fit.cov_given_variance))

    return job


def intercepts_kernel(data: pd.DataFrame, *, crossed: bool) -> Job:
    """Search, second derivatives, models with an intercept less and the check, on rows that are prepared already."""
    from bipstats.models.hazard_rows import HazardSpecification
    from bipstats.models.mixed import MixedLogitSpecification
    from bipstats.models.mixed import _prepared as logit_rows
    from bipstats.models.mixed_fit import fit_mixed
    from bipstats.models.mixed_hazard import _prepared as hazard_rows

    slopes = " + ".join(_slopes(data))
    if crossed:
        logit = MixedLogitSpecification("event", slopes, ("client", "caseworker"), None, "raise")
        rows = logit_rows(logit, data, "model", None)
    else:
        spec = HazardSpecification(slopes, "event", "period", None, "logit", "raise", random=("caseworker",))
        rows = hazard_rows(spec, data, "model", None)[1]
    return lambda: fit_mixed(rows, "laplace", 15, "model")


def _slopes(data: pd.DataFrame) -> list[str]:
    return [name for name in data if name.startswith("x")]


def frailty_kernel(data: pd.DataFrame, distribution: str) -> Job:
    """Search for the variance, its interval and all errors on prepared risk sets."""
    from bipstats.models.frailty_fit import estimate
    from bipstats.models.frailty_rows import FrailtySpecification, prepare

    method = "ml" if distribution == "gamma" else "reml"
    common = ("start", "stop", "event", "client", None, None, None, "efron", "raise")
    spec = FrailtySpecification(FORMULA, *common, "caseworker", distribution, method)
    rows = prepare(spec, data, None)
    return lambda: estimate(rows, spec)


def lifelines_cox(data: pd.DataFrame) -> Job:
    """CoxTimeVaryingFitter: Efron, default step tolerance, errors from the information (it has no cluster errors)."""
    from lifelines import CoxTimeVaryingFitter

    rows = data.drop(columns=["caseworker", "period"])

    def job() -> tuple[pd.Series, None]:
        return CoxTimeVaryingFitter().fit(
            rows, id_col="client", event_col="event", start_col="start", stop_col="stop"
        )

    return job


def statsmodels_cox(data: pd.DataFrame) -> Job:
    """PHReg: Efron, cluster errors; it counts entry == t as at risk, so its estimates differ on start-stop data."""
    from statsmodels.duration.hazard_regression import PHReg

    def job() -> object:
        model = PHReg(data["stop"], data[X], status=data["event"], entry=data["start"], ties="efron")
        return model.fit(groups=data["caseworker"].to_numpy())

    return job


def statsmodels_glm(data: pd.DataFrame, link: str) -> Job:
    """GLM by IRLS, default tolerance, cluster errors without a factor."""
    import statsmodels.api as sm

    links = {"logit": sm.families.links.Logit(), "cloglog": sm.families.links.CLogLog()}
    periods = pd.get_dummies(data["period"], prefix="period", dtype=float)

    def job() -> tuple[np.ndarray, np.ndarray]:
        x = pd.concat([periods, data[X]], axis=1)
        fit = sm.GLM(data["event"], x, family=sm.families.Binomial(links[link])).fit(
            cov_type="cluster", cov_kwds={"groups": data["caseworker"], "use_correction": False}
        )
        return np.asarray(fit.params)[-25:], np.asarray(fit.bse)[-25:]

    return job


def glum_binomial(data: pd.DataFrame, link: str) -> Job:
    """GeneralizedLinearRegressor without penalty, periods as a categorical, gradient tolerance 1e-9, cluster errors."""
    from glum import GeneralizedLinearRegressor

    def job() -> tuple[np.ndarray, np.ndarray]:
        x = data[["period", *X]].astype({"period": "category"})
        model = GeneralizedLinearRegressor(
            family="binomial", link=link, alpha=0, drop_first=True, gradient_tol=1e-9
        )
        model.fit(x, data["event"])
        made = model.covariance_matrix(x, data["event"], clusters=data["caseworker"].to_numpy())
        return model.coef_[-25:], np.sqrt(np.diag(made))[-25:]

    return job


def pyfixest_logit(data: pd.DataFrame) -> Job:
    """feglm, family logit, caseworker and period absorbed, default tolerance, CRV1 errors."""
    import pyfixest

    def job() -> tuple[pd.Series, pd.Series]:
        fit = pyfixest.feglm(
            f"event ~ {FORMULA} | caseworker + period", data, family="logit", vcov={"CRV1": "caseworker"}
        )
        return fit.coef(), fit.se()

    return job


def mass_points_whole(data: pd.DataFrame) -> Job:
    """`bip.hazard` with three mass points: laws of one, two and three points, several searches each."""
    import bipstats as bip

    def job() -> tuple[pd.Series, pd.Series]:
        fit = bip.hazard(
            FORMULA, data, heterogeneity="mass_points", mass_points=3, vcov=bip.cluster("caseworker")
        )
        return fit.params[X], fit.bse[X]

    return job


def mass_points_kernel(data: pd.DataFrame) -> Job:
    """The same searches and errors on rows that are collapsed already."""
    import bipstats as bip
    from bipstats.models.hazard_rows import HazardSpecification, prepare
    from bipstats.models.mixture_fit import fit_mixture
    from bipstats.models.mixture_rows import hazard_mixture, one_point

    by = bip.cluster("caseworker")
    spec = HazardSpecification(FORMULA, "event", "period", None, "cloglog", "raise", id="client")
    found = prepare(spec, data, by, None, collapse=True)
    rows = hazard_mixture(found, spec, data, "client", "raise", by)

    def job() -> tuple[np.ndarray, np.ndarray]:
        fit = fit_mixture(rows, one_point(found.rows), 3, by)
        own = [fit.estimates.names.index(name) for name in X]
        return fit.estimates.values[own], fit.estimates.std_errors[own]

    return job


def read_once(data: pd.DataFrame) -> Job:
    """The floor: one pass over the design matrix."""
    x = np.ascontiguousarray(data[_slopes(data)].to_numpy(float))
    b = np.ones(x.shape[1])
    return lambda: float((x @ b)[0])


JOBS: dict[str, Callable[[pd.DataFrame], Job]] = {
    "floor": read_once,
    "kernel cox": cox_kernel,
    "whole cox": cox_whole,
    "kernel cox as given": lambda data: cox_kernel(data, merged=False),
    "whole cox as given": lambda data: cox_whole(data, merged=False),
    "kernel logit": lambda data: hazard_kernel(data, "logit"),
    "whole logit": lambda data: hazard_whole(data, "logit"),
    "kernel cloglog": lambda data: hazard_kernel(data, "cloglog"),
    "whole cloglog": lambda data: hazard_whole(data, "cloglog"),
    "kernel mass points": mass_points_kernel,
    "whole mass points": mass_points_whole,
    "kernel absorbed": absorbed_kernel,
    "whole absorbed": absorbed_whole,
    "kernel crossed": lambda data: intercepts_kernel(data, crossed=True),
    "whole crossed": lambda data: intercepts_whole(data, crossed=True),
    "kernel caseworker": lambda data: intercepts_kernel(data, crossed=False),
    "whole caseworker": lambda data: intercepts_whole(data, crossed=False),
    "kernel frailty gamma": lambda data: frailty_kernel(data, "gamma"),
    "whole frailty gamma": lambda data: frailty_whole(data, "gamma"),
    "kernel frailty lognormal": lambda data: frailty_kernel(data, "lognormal"),
    "whole frailty lognormal": lambda data: frailty_whole(data, "lognormal"),
    "lifelines cox": lifelines_cox,
    "statsmodels cox": statsmodels_cox,
    "statsmodels logit": lambda data: statsmodels_glm(data, "logit"),
    "statsmodels cloglog": lambda data: statsmodels_glm(data, "cloglog"),
    "glum logit": lambda data: glum_binomial(data, "logit"),
    "glum cloglog": lambda data: glum_binomial(data, "cloglog"),
    "pyfixest absorbed": pyfixest_logit,
}
