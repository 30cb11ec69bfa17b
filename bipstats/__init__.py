"""bipstats: the Danish BIP study as data model, estimators, synthetic study and ledger.

Public names are loaded on first use, so that ``import bipstats`` is quick and has no side effects.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> module that defines it. tests/test_public_names.py imports every one.
_NAMES = {
    # study
    "Study": "study.study",
    "read_study": "study.readers",
    "check_study": "study.checks",
    "load_synthetic": "study.released",
    "register_states": "register.states",
    # timeline
    "spells": "timeline.spells",
    "person_periods": "timeline.person_periods",
    "landmarks": "timeline.landmarks",
    "transitions": "timeline.transitions",
    "measurements": "timeline.measurements",
    # models
    "cox": "models.cox",
    "hazard": "models.hazard",
    "logit": "models.logit",
    "piecewise_exponential": "models.piecewise",
    "timing_of_events": "models.timing_of_events",
    "mixed_logit": "models.mixed",
    "conditional_logit": "models.conditional",
    "survival_curve": "models.curves",
    "cumulative_incidence": "models.curves",
    "ols": "models.ols",
    "fine_gray": "models.fine_gray",
    "frailty_cox": "models.frailty",
    "within_between": "models.within_between",
    "logrank": "models.logrank",
    "cluster": "core.covariance",
    "score_bootstrap": "core.score_bootstrap",
    "formula": "codebook",
    # after a fit
    "read_result": "models.saved",
    "risk": "effects.risk",
    "margins": "effects.margins",
    "contrasts": "effects.contrasts",
    "e_value": "effects.evalue",
    "compare_fits": "effects.compare",
    "lr_test": "effects.likelihood_ratio",
    "average_effects": "effects.average_effects",
    "equivalence": "effects.equivalence",
    # synthetic study and ledger
    "simulate": "synthetic.simulate",
    "Truth": "synthetic.truth",
    "scenarios": "synthetic.truth",
    "true_effect": "synthetic.effects",
    "replicate": "replication.replicate",
    # errors
    "BipstatsError": "errors",
    "DataProblems": "errors",
    "ModelError": "errors",
    "OptionError": "errors",
    "BipstatsWarning": "errors",
    "DataWarning": "errors",
    "ModelWarning": "errors",
    # housekeeping
    "show_versions": "versions",
    "cite": "versions",
}
_MODULES = ("codebook", "progression", "interventions", "caseworkers")

__all__ = ["__version__", *sorted(_NAMES), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
