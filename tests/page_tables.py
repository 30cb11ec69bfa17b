"""Tables of the documentation that follow from the code and from the tests; `python tests/page_tables.py` writes them.

Each stands in its page between ``<!-- table: name -->`` and ``<!-- end of table -->``. tests/test_page_tables.py says
when a page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(ROOT)]

import fits  # noqa: E402
from page_times import markdown, shape_table, time_table  # noqa: E402

import bipstats as bip  # noqa: E402

YES, NO = "yes", "–"

# A model as it is called -> its case in tests/fits.py, what it explains, what it does with competing exits.
EXPLAINS: dict[str, tuple[str, str, str]] = {
    "cox": ("cox", "time", "censored; one fit for each"),
    "frailty_cox": ("frailty_cox", "time, groups with a frailty", "censored; one fit for each"),
    "fine_gray": ("fine_gray", "incidence of one exit", "kept, weighted"),
    "piecewise_exponential": ("piecewise_exponential", "time, with types", "censored; one fit for each"),
    "hazard": ("hazard", "event in a period", "censored; one fit for each"),
    "hazard(absorb=)": ("hazard, absorbing", "the same, effects taken out", "censored; one fit for each"),
    "hazard(random=)": ("hazard, random", "the same, normal intercepts", "censored; one fit for each"),
    'hazard(heterogeneity="mass_points")': (
        "hazard, mass points",
        "the same, types",
        "censored; one fit for each",
    ),
    "timing_of_events": ("timing_of_events", "a treatment and an outcome", "censored"),
    "logit": ("logit", "yes or no", "no entry, if coded so"),
    "logit(absorb=)": ("logit, absorbing", "the same, effects taken out", "no entry, if coded so"),
    'logit(penalty="firth")': ("logit, penalised", "the same, few events", "no entry, if coded so"),
    "conditional_logit": ("conditional_logit", "yes or no within sets", "not for one exit per set"),
    "mixed_logit": ("mixed_logit", "yes or no, normal intercepts", "no entry, if coded so"),
    "ols": ("ols", "a number", NO),
    "ols(absorb=)": ("ols, absorbing", "the same, effects taken out", NO),
}
ERRORS = ("model", "robust", "clusters", "two ways", "CR1S", "CR2", "jackknife", "score bootstrap")
HEADS = ("model", "robust", "cluster", "two ways", "CR1(S)", "CR2", "jackknife", "score bootstrap")


def _called(name: str) -> Any:
    return getattr(bip, name.partition("(")[0])


def _takes(name: str, *arguments: str) -> str:
    found = [one for one in arguments if one in inspect.signature(_called(name)).parameters]
    return ", ".join(f"`{one}`" for one in found) or NO


def _late_entry(name: str) -> str:
    arguments = inspect.signature(_called(name)).parameters
    if "mass_points" in name or name == "piecewise_exponential":
        return "`delayed_entry`"
    if name == "timing_of_events":
        return "refused"
    if "start" in arguments:
        return "`start`"
    return "rows begin late" if "period" in arguments else NO


def data_table() -> str:
    """What each model explains and takes."""
    rows = [
        (
            f"`{name}`",
            explains,
            exits,
            _late_entry(name),
            _takes(name, "weights", "counts"),
            _takes(name, "ties"),
            _takes(name, "strata"),
            _takes(name, "exposure", "offset"),
            YES
            if name in ("hazard", "logit") and "checkpoint" in inspect.signature(_called(name)).parameters
            else NO,
        )
        for name, (_, explains, exits) in EXPLAINS.items()
    ]
    head = ("model", "explains", "competing exits", "late entry", "weights", "ties", "strata", "exposure, offset",
            "rows not held")  # fmt: skip
    return markdown(head, rows)


def _possible(case: fits.Case, fit: Any, vcov: Any) -> str:
    try:
        fit.with_vcov(vcov, fits.rows())
    except bip.BipstatsError as refusal:
        return "whole groups" if "hold the groups" in str(refusal) else NO
    return YES


def error_table() -> str:
    """Which covariance each model has: what is refused on a small data set with clusters is not there."""
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bip.BipstatsWarning)
        for name, (which, _, _) in EXPLAINS.items():
            case, fit = fits.FITS[which], fits.fitted(which)
            asked = fits.requests(case)
            cells = [_possible(case, fit, asked[kind]) if kind in asked else NO for kind in ERRORS]
            cells[0] = YES if not asked else cells[0]  # its own errors are all it has
            rows.append((f"`{name}`", *cells))
    return markdown(("model", *HEADS), rows)


# What agrees -> our call, R's function, packages, reference data (tests/reference/), tests (module.function).
AGREES: list[tuple[str, str, str, str, str, str]] = [
    ("coefficients and errors (model, robust, clustered)", "cox", "coxph", "survival", "survival",
     "test_cox.test_estimates_and_errors_agree_with_r"),
    ("baseline hazard", "cox", "basehaz", "survival", "survival", "test_cox.test_baseline_hazard_agrees_with_r"),
    ("residuals, row by row", "cox().residuals", "residuals", "survival", "cox_diagnostics",
     "test_cox_diagnostics.test_residuals_agree_with_r_row_by_row"),
    ("test of proportional hazards", "cox().ph_test", "cox.zph", "survival", "cox_diagnostics",
     "test_cox_diagnostics.test_proportional_hazards_test_agrees_with_r"),
    ("concordance and its error", "cox().concordance", "concordance", "survival", "cox_diagnostics",
     "test_cox_concordance.test_concordance_agrees_with_r"),
    ("survival of a row, with errors", "cox().survival_curve", "survfit", "survival", "cox_diagnostics",
     "test_cox_curves.test_curves_and_errors_agree_with_r"),
    ("likelihood ratio", "lr_test", "anova", "survival", "cox_diagnostics",
     "test_likelihood_ratio.test_likelihood_ratio_agrees_with_r"),
    ("coefficients and errors (model, robust, clustered)", "hazard", "glm, vcovCL", "sandwich", "survival",
     "test_hazard.test_estimates_and_errors_agree_with_r"),
    ("two-way clusters and CR1S", "hazard", "vcovCL", "sandwich", "survival",
     "test_hazard.test_two_way_and_corrected_clusters_agree_with_sandwich"),
    ("spline baseline", "hazard(baseline=)", "glm, ns", "sandwich", "binomial",
     "test_hazard_baseline.test_spline_baselines_agree_with_ns counts.agrees_with"),
    ("coefficients and errors", "logit", "glm, sandwich", "sandwich", "survival", "test_logit.test_agrees_with_r"),
    ("the same with weights", "logit(weights=)", "glm", "sandwich", "survival", "test_logit.test_weights_agree_with_r"),
    ("absorbed effects against dummies", "logit(absorb=)", "glm", "sandwich", "binomial",
     "test_absorb.test_absorbing_is_the_logit_with_all_dummies counts.agrees_with"),
    ("penalised estimates and errors", 'logit(penalty="firth")', "brglmFit", "brglm2", "firth",
     "test_firth.test_estimates_errors_and_loglik_agree_with_brglm2"),
    ("exact conditional likelihood", "conditional_logit", "clogit", "survival", "conditional",
     "test_conditional.test_estimates_errors_and_loglik_agree_with_clogit"),
    ("least squares", "ols", "lm", "", "few_clusters", "test_ols.test_agrees_with_lm"),
    ("absorbed effects against dummies", "ols(absorb=)", "lm", "", "few_clusters",
     "test_ols.test_absorbed_effects_are_dummies"),
    ("CR2 with Satterthwaite's degrees of freedom", 'cluster(small_sample="CR2")', "vcovCR, coef_test", "clubSandwich",
     "few_clusters", "test_few_clusters.test_cr2_with_satterthwaite_agrees_with_clubsandwich"),
    ("jackknife against refits without a cluster", 'cluster(small_sample="jackknife")', "glm, lm, coxph", "survival",
     "few_clusters", "test_few_clusters.test_jackknife_agrees_with_brute_force "
     "test_few_clusters.test_jackknife_of_cox_agrees_with_brute_force"),
    ("Kaplan and Meier's curve and error", "survival_curve", "survfit", "survival", "curves",
     "test_curves.test_kaplan_meier_agrees_with_survfit"),
    ("Aalen and Johansen's curve and error", "cumulative_incidence", "survfit", "survival", "curves",
     "test_curves.test_aalen_johansen_agrees_with_survfit"),
    ("risk from a landmark", "risk", "coxph, survfit", "survival", "incidence",
     "test_risk.test_agrees_with_r_multi_state_survfit"),
    ("log-rank test", "logrank", "survdiff", "survival", "logrank", "test_logrank.test_agrees_with_survdiff"),
    ("late entry, as score test of the exact likelihood", "logrank", "coxph", "survival", "logrank",
     "test_logrank.test_delayed_entry_agrees_with_the_score_test_of_the_exact_partial_likelihood"),
    ("subdistribution hazards", "fine_gray", "finegray, coxph", "survival", "fine_gray",
     "test_fine_gray.test_estimates_agree_with_finegray_and_coxph"),
    ("the same, with Fine and Gray's errors", "fine_gray", "crr", "cmprsk", "fine_gray",
     "test_fine_gray.test_estimates_and_errors_agree_with_crr"),
    ("frailty at a given variance", "frailty_cox", "coxph, frailty", "survival", "frailty",
     "test_frailty.test_at_a_given_variance_everything_agrees_with_r"),
    ("variance of a gamma frailty", "frailty_cox", "coxph, frailty", "survival", "frailty",
     "test_frailty.test_the_gamma_variance_agrees_with_r"),
    ("variance of a log-normal frailty, REML", 'frailty_cox(method="reml")', "coxph, frailty", "survival", "frailty",
     "test_frailty.test_the_reml_variance_of_a_lognormal_frailty_agrees_with_r"),
    ("random intercepts, one to three columns", "mixed_logit", "glmmTMB", "glmmTMB", "mixed",
     "test_mixed.test_glmmtmb_agrees_on_crossed_intercepts mixed_cases.agrees_with"),
    ("the same by quadrature with 15 nodes", 'mixed_logit(method="agq")', "glmer", "lme4", "mixed",
     "test_mixed.test_lme4_agrees_on_quadrature"),
    ("hazard with random intercepts", "hazard(random=)", "glmmTMB", "glmmTMB", "mixed",
     "test_mixed_hazard.test_glmmtmb_agrees_with_exposure mixed_cases.agrees_with"),
    ("piecewise exponential hazard, as Poisson regression", "piecewise_exponential", "glm", "sandwich", "piecewise",
     "test_mass_points.test_piecewise_exponential_agrees_with_poisson_regression_in_r"),
    ("average effects of a logit, by hand", "margins", "glm", "", "effects",
     "test_margins.test_agrees_with_r_for_a_logit"),
    ("several tests at once (p-values are integrals)", "contrasts", "glht, pmvt", "multcomp", "effects",
     "test_contrasts.test_agrees_with_multcomp"),
    ("weighted kappa and its error", "progression.weighted_kappa", "Kappa, cohen.kappa", "psych, vcd",
     "agreement", "test_agreement.test_kappa_agrees_with_psych_and_its_error_with_vcd"),
    ("intraclass correlations", "progression.icc", "ICC", "psych", "agreement",
     "test_agreement.test_intraclass_correlations_agree_with_psych"),
    ("alpha, item-rest correlations", "progression.reliability", "alpha", "psych", "psychometrics",
     "test_psychometrics.test_alpha_and_item_rest_correlations_are_those_of_psych"),
    ("polychoric correlations", "progression.reliability", "polychoric", "psych", "psychometrics",
     "test_psychometrics.test_polychoric_correlations_are_those_of_psych"),
    ("one factor, one group", "progression.reliability", "cfa", "lavaan", "psychometrics",
     "test_psychometrics.test_one_factor_fits_as_in_lavaan"),
    ("one factor in groups, loadings and intercepts equal", "progression.invariance", "cfa", "lavaan",
     "psychometrics", "test_psychometrics.test_factors_in_groups_fit_as_in_lavaan"),
    ("one factor's loadings", 'progression.readiness(version="factor")', "factanal", "", "factor",
     "test_readiness.test_one_factor_is_that_of_factanal"),
    ("effects of caseworkers", 'caseworkers.value_added(model="intercept")', "glmmTMB", "glmmTMB", "caseworkers",
     "test_caseworker_spread.test_random_intercepts_are_those_of_glmmTMB"),
    ("variance of gamma multipliers", 'caseworkers.value_added(model="hazard")', "theta.ml", "MASS", "caseworkers",
     "test_caseworker_spread.test_the_variance_of_gamma_multipliers_is_that_of_MASS"),
]  # fmt: skip


@cache
def _functions(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@cache
def _constants(module: str) -> dict[str, float]:
    tree = ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))
    pairs = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    return {
        name.id: float(value.value)
        for name, value in pairs
        if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, float)
    }


def _number(node: ast.expr, module: str) -> float | None:
    """Value of a number, a constant of the module, or a product of these."""
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return _constants(module).get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _number(node.left, module), _number(node.right, module)
        return None if left is None or right is None else left * right
    return None


def tolerance(tests: str) -> float:
    """Loosest tolerance in some tests, relative or absolute."""
    found = []
    for test in tests.split():
        module, _, name = test.partition(".")
        for node in ast.walk(_functions(module)[name]):
            if isinstance(node, ast.keyword) and node.arg in ("rtol", "rel", "atol", "abs"):
                value = _number(node.value, module)
                assert value is not None, f"{test}: {node.arg} is no number"
                found.append(value)
    return max(found)


@cache
def _said(reference: str) -> str:
    """Versions as the reference's file tells them; those that it does not tell are not guessed."""
    said = json.loads((TESTS / "reference" / f"{reference}.json").read_text(encoding="utf-8"))
    return json.dumps(said.get("versions", said.get("r", {"survival": said.get("survival", "")})))


def _package(packages: str, reference: str) -> str:
    named = []
    for package in packages.split(", ") if packages else []:
        version = re.search(rf'\b{package}"?:? "?([0-9][0-9.]*)', _said(reference))
        named.append(f"{package} {version[1]}" if version else package)
    return ", ".join(named) or "R itself"


def agreement_table() -> str:
    """What agrees with R, with which function, and how closely the tests ask for it."""
    rows = []
    for what, ours, theirs, packages, reference, tests in AGREES:
        functions = ", ".join(f"`{one}`" for one in theirs.split(", "))
        allowed = f"{tolerance(tests):.0e}".replace("e-0", "e-")
        rows.append(
            (f"`{ours}`", what, functions, _package(packages, reference), allowed, f"`{reference}.R`")
        )
    return markdown(("call", "quantity", "in R", "package", "to", "script"), rows)


WIDE = "```{rst-class} wide\n```"
"""Tables of many columns are set smaller (docs/_static/bipstats.css)."""

TABLES = {
    "docs/statistics/properties.md": {"data": data_table, "errors": error_table},
    "docs/statistics/agreement.md": {"agreement": agreement_table},
    "docs/statistics/benchmarks.md": {"times": time_table, "shapes": shape_table},
}


def filled(page: str, tables: dict[str, Any]) -> str:
    """Text of a page with its tables made anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, make in tables.items():
        pattern = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end of table -->)", re.DOTALL)
        assert len(pattern.findall(text)) == 1, f"{page} has no place for the table {name}"
        before, after = f"<!-- table: {name} -->", "<!-- end of table -->"
        made = f"{before}\n\n{WIDE}\n\n{make()}\n\n{after}"
        text = pattern.sub(lambda found, made=made: made, text)
    return text


def main() -> None:
    """Write all tables."""
    for page, tables in TABLES.items():
        (ROOT / page).write_text(filled(page, tables), encoding="utf-8")


if __name__ == "__main__":
    main()
