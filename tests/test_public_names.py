"""Every public name: documented, typed, and with arguments that are refused by name when they are wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import fits
import pytest
from tiny import tiny_study
from walk import classes, hints, methods, options

import bipstats as bip
from bipstats.core.result import Result
from bipstats.study.study import Study
from bipstats.tables import Summary

ROOMS = ("codebook", "progression", "interventions", "caseworkers")
NAMES = [name for name in bip.__all__ if name not in ("__version__", *ROOMS)]
OBJECTS: dict[str, Any] = {name: getattr(bip, name) for name in NAMES}
for room in ROOMS:
    OBJECTS |= {f"{room}.{name}": getattr(getattr(bip, room), name) for name in getattr(bip, room).__all__}
FUNCTIONS = {name: value for name, value in OBJECTS.items() if inspect.isfunction(value)}
OF_DATA = {name: value for name, value in FUNCTIONS.items() if not name.startswith("codebook.")}
ESTIMATORS = {
    name: value
    for name, value in FUNCTIONS.items()
    if re.match(r"bipstats\.(models|effects|caseworkers)", value.__module__)
} | {name: FUNCTIONS[name] for name in ("cluster", "score_bootstrap")}
SECTIONS = ("Parameters", "Attributes", "Returns", "Raises", "Warns", "Notes", "References", "Examples")

# Arguments that say what the call is about, beside the data.
POSITIONAL = {
    "check_study": ["mapping"],
    "read_study": ["mapping", "strict"],
    "landmarks": ["at", "horizon", "outcome"],
    "person_periods": ["width"],
    "contrasts": ["hypotheses"],
    "e_value": ["term"],
    "interventions.contrast": ["outcome"],
    "simulate": ["truth"],
    "true_effect": ["truth"],
}


@cache
def _study() -> Study:
    return bip.simulate(clients=1500, rng=1)


@cache
def _simulated(clients: int) -> Any:
    return bip.simulate(clients=clients, rng=3)


_TIMES: dict[str, Any] = dict(start="start", stop="stop", event="event")
ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "cluster": dict,
    "cox": lambda: dict(formula="x", data=fits.rows()),
    "frailty_cox": lambda: dict(formula="x", data=fits.rows(), group="worker"),
    "hazard": lambda: dict(formula="x", data=fits.rows()),
    "hazard(delayed_entry=)": lambda: dict(
        formula="x", data=fits.rows(), heterogeneity="mass_points", mass_points=1
    ),
    "piecewise_exponential": lambda: dict(formula="x", data=fits.rows(), cuts=[4]),
    "timing_of_events": lambda: dict(outcome="x", treatment="x", data=fits.rows(), mass_points=1, baseline=1),
    "logit": lambda: dict(formula="y ~ x", data=fits.rows()),
    "conditional_logit": lambda: dict(formula="y ~ x", data=fits.rows(), groups="client"),
    "mixed_logit": lambda: dict(formula="y ~ x", data=fits.rows(), random="worker"),
    "ols": lambda: dict(formula="score ~ x", data=fits.rows()),
    "fine_gray": lambda: dict(formula="u", data=fits.rows()),
    "survival_curve": lambda: dict(data=fits.rows(), **_TIMES),
    "cumulative_incidence": lambda: dict(data=fits.rows(), start="start", stop="stop", exit="exit"),
    "logrank": lambda: dict(data=fits.rows(), by="g", **_TIMES),
    "compare_fits": lambda: dict(fits={"a": fits.fitted("cox")}),
    "contrasts": lambda: dict(fit=fits.fitted("ols"), pairs="g"),
    "average_effects": lambda: dict(formula="score ~ x", data=fits.rows(), exposure="g"),
    "equivalence": lambda: dict(fit=fits.fitted("ols"), margin=0.5),
    "e_value": lambda: dict(effect=2.0),
    "margins": lambda: dict(fit=fits.fitted("logit"), data=fits.rows(), variable="x"),
    "risk": lambda: dict(
        fits={"job": bip.cox("x", fits.rows())},
        landmark_data=fits.rows().drop_duplicates("client"),
        horizon=8,
    ),
    "spells": lambda: dict(study=tiny_study()),
    "landmarks": lambda: dict(study=tiny_study()),
    "person_periods": lambda: dict(spells=bip.spells(tiny_study())),
    "measurements": lambda: dict(study=tiny_study()),
    "interventions.classify": lambda: dict(study=tiny_study()),
    "progression.agreement": lambda: dict(study=bip.simulate(clients=60, rng=1)),
    "progression.icc": lambda: dict(table=[[1, 2], [3, 3], [5, 4]]),
    "progression.weighted_kappa": lambda: dict(a=[1, 2, 3], b=[1, 3, 3]),
    "caseworkers.switch_effect": lambda: dict(study=bip.simulate(clients=400, rng=1)),
    "interventions.breaks": lambda: dict(study=tiny_study()),
    "interventions.contrast": lambda: dict(study=_study()),
    "interventions.first_start_effect": lambda: dict(study=_study(), draws=20),
    "interventions.shares": lambda: dict(study=_study()),
    "interventions.through_progression": lambda: dict(study=_study(), draws=20),
    "progression.change": lambda: dict(study=_study()),
    "progression.reliability": lambda: dict(study=_study()),
    "progression.invariance": lambda: dict(data=_study(), by="sex"),
    "caseworkers.orientation": lambda: dict(study=_simulated(700)),
    "caseworkers.orientation_effect": lambda: dict(study=_simulated(700), draws=2),
    "caseworkers.belief": lambda: dict(study=_simulated(1500)),
    "caseworkers.value_added": lambda: dict(study=bip.simulate(clients=200, rng=1), adjust="centre", draws=5),
    "caseworkers.counterfactual": lambda: dict(
        study=bip.simulate(clients=200, rng=1), adjust="centre", draws=5
    ),
    "progression.short_scale": lambda: dict(study=_study()),
    "progression.profile": lambda: dict(data=_study(), client=_study().clients["client"][0]),
    "progression.unit_summary": lambda: dict(data=_study()),
    "progression.readiness": lambda: dict(study=bip.simulate(clients=60, rng=1)),
}
"""Valid calls of every function that has an argument with named choices, or a confidence level.

Where an argument needs others beside it, its own call has the key ``"function(argument=)"``.
"""
OPTIONS = [(name, argument) for name, value in OF_DATA.items() for argument in options(value)]


def sections(text: str) -> dict[str, str]:
    """Sections of a numpydoc docstring, in order."""
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def described(section: str) -> list[str]:
    """Names that a section on parameters describes."""
    heads = [line for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip("* ") for head in heads for name in head.partition(" : ")[0].split(",")]


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_have_their_sections_in_order(name):
    found = list(sections(inspect.getdoc(FUNCTIONS[name]) or ""))
    assert found == [section for section in SECTIONS if section in found]
    assert {"Returns", "Examples"} <= set(found)
    assert ("Parameters" in found) == bool(parameters(FUNCTIONS[name]))
    if name in ESTIMATORS:
        assert "Raises" in found
        assert "References" in found or name in ("compare_fits", "read_result")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_describe_every_argument_in_order(name):
    text = sections(inspect.getdoc(FUNCTIONS[name]) or "")
    assert described(text.get("Parameters", "")) == parameters(FUNCTIONS[name])


def test_docstrings_of_methods_describe_every_argument():
    """Where they have a section on parameters; functions that became methods have the fit for their first argument."""
    wrong = []
    for kind in classes():
        if kind.__module__.startswith("bipstats.models.kernels"):
            continue
        for name, method in methods(kind).items():
            text = sections(inspect.getdoc(method) or "")
            if "Parameters" in text and described(text["Parameters"]) != parameters(method)[1:]:
                wrong.append(f"{kind.__name__}.{name}")
    assert wrong == []


@pytest.mark.parametrize("name", [name for name, value in OBJECTS.items() if isinstance(value, type)])
def test_classes_are_documented(name):
    text = inspect.getdoc(OBJECTS[name]) or ""
    assert text.splitlines()[0].endswith((".", "says why.")) and not text.startswith(f"{name}(")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_and_returns_are_annotated(name):
    known = hints(FUNCTIONS[name])
    assert set(known) == {*inspect.signature(FUNCTIONS[name]).parameters, "return"}
    assert known["return"] is not Any


def test_methods_of_results_are_annotated_and_documented():
    for kind in classes():
        if "_repr_html_" in dir(kind) or issubclass(kind, Result | Summary):
            for name, method in methods(kind).items():
                assert "return" in hints(method), f"{kind.__name__}.{name}"
                assert inspect.getdoc(method), f"{kind.__name__}.{name}"


@pytest.mark.parametrize("name", OF_DATA)
def test_what_is_not_the_data_is_given_by_name(name):
    found = inspect.signature(OF_DATA[name]).parameters.values()
    by_place = [
        one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is not one.empty
    ]
    assert by_place == POSITIONAL.get(name, [])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_unknown_arguments_are_refused(name):
    with pytest.raises(
        TypeError, match=r"unexpected keyword argument 'no_such'|takes no (keyword )?arguments"
    ):
        FUNCTIONS[name](no_such=1)


def test_every_function_with_options_is_called():
    assert {name.partition("(")[0] for name in ARGUMENTS} == {name for name, _ in OPTIONS}


@pytest.mark.parametrize(("name", "argument"), OPTIONS, ids=[f"{a}({b}=)" for a, b in OPTIONS])
def test_options_are_refused_by_name(name, argument):
    function, wrong = OF_DATA[name], options(OF_DATA[name])[argument]
    given = () if name != "cluster" else ("worker",)
    with pytest.raises(bip.OptionError, match=rf"^{argument}={wrong!r}"):
        call = ARGUMENTS.get(f"{name}({argument}=)", ARGUMENTS[name])
        function(*given, **{**call(), argument: wrong})


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_same_calls_are_taken_without(name):
    given = () if name != "cluster" else ("worker",)
    assert OF_DATA[name.partition("(")[0]](*given, **ARGUMENTS[name]()) is not None
