"""Every public name has an example, and no example is left out when the examples are run.

pytest runs the examples themselves (``--doctest-modules`` over ``bipstats``, in pyproject.toml).
"""

from __future__ import annotations

import doctest
import inspect
import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from walk import classes

import bipstats as bip
from bipstats.core.result import Result

ROOT = Path(__file__).parent.parent
ROOMS = ("codebook", "progression", "interventions", "caseworkers")
PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def _found(name: str) -> Any:
    """Object of a dotted name below bipstats."""
    module, _, last = f"bipstats.{name}".rpartition(".")
    return getattr(import_module(module), last)


def _public() -> dict[str, Any]:
    names = [name for name in bip.__all__ if name not in ROOMS]
    names += [f"{room}.{name}" for room in ROOMS for name in getattr(bip, room).__all__]
    names += re.findall(r"^   ([a-z_]+\.[\w.]+)$", PAGE, re.MULTILINE)
    found = {name: _found(name) for name in names}
    return {name: one for name, one in found.items() if inspect.isfunction(one) or inspect.isclass(one)}


PUBLIC = _public()


def examples(documented: Any) -> list[doctest.Example]:
    """Examples below the heading of that name."""
    text = inspect.getdoc(documented) or ""
    _, _, below = text.partition("\nExamples\n--------\n")
    return doctest.DocTestParser().get_examples(below)


@pytest.mark.parametrize("name", PUBLIC)
def test_has_an_example_that_shows_something(name):
    found = examples(PUBLIC[name])
    assert found, f"{name} has no section Examples with a line that begins with >>>"
    assert any(example.want for example in found), f"no line of {name}'s example has an output to compare"
    options = {flag for example in found for flag in example.options}
    assert doctest.SKIP not in options, f"a line of {name}'s example is skipped"
    assert not any(re.match(r"\.\.\.$", example.want.strip()) for example in found)


@pytest.mark.parametrize("name", PUBLIC)
def test_its_example_is_collected(name):
    """From its module, where pytest looks for it; not from a docstring that doctest does not see."""
    documented = PUBLIC[name]
    module = import_module(documented.__module__)
    tests = doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__)
    assert f"{documented.__module__}.{documented.__qualname__}" in {
        test.name for test in tests if test.examples
    }


def test_the_walk_sees_functions_results_and_errors():
    assert {"cox", "codebook.published", "models.cox.CoxResult", "DataProblems"} <= set(PUBLIC)
    assert len(PUBLIC) > 130


def test_every_result_of_a_model_is_on_the_page():
    """Classes without subclasses, which are what users hold."""
    final = {kind for kind in classes() if issubclass(kind, Result) and not kind.__subclasses__()}
    listed = {one for one in PUBLIC.values() if inspect.isclass(one)}
    assert {kind.__name__ for kind in final} <= {kind.__name__ for kind in listed}


def test_pytest_is_told_to_run_them():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    assert "bipstats" in options["ini_options"]["testpaths"]
    assert "--doctest-modules" in options["ini_options"]["addopts"].split()


def test_an_object_without_an_example_is_noticed():
    def bare() -> None:
        """Do nothing."""

    assert examples(bare) == []
