"""The check of the notebooks' exercises: right, nearly right, explained, unexplained and missing answers."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def _exercise() -> Any:
    spec = importlib.util.spec_from_file_location("exercise", NOTEBOOKS / "exercise" / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXERCISE = _exercise()


@pytest.mark.parametrize(
    ("answer", "right"), [(1.33, 1.335), (0.0004, 0), (374, 374), ("Yes ", "yes"), (True, True)]
)
def test_right_answers_are_told_so(answer: Any, right: Any) -> None:
    assert EXERCISE.check(answer, right, hint="").startswith("Right: ")


@pytest.mark.parametrize(
    ("answer", "right"), [(1.3, 1.335), (0.01, 0), (370, 380), ("no", "yes"), (False, True)]
)
def test_wrong_answers_get_the_hint(answer: Any, right: Any) -> None:
    with pytest.raises(EXERCISE.NotYet, match=r"^Not yet: .*\. Think of the clock\.$"):
        EXERCISE.check(answer, right, hint="Think of the clock.")


def test_a_known_mistake_is_explained() -> None:
    with pytest.raises(EXERCISE.NotYet, match=r"^Not yet\. That is the logarithm\.$"):
        EXERCISE.check(0.285, 1.33, hint="Think.", mistakes={"That is the logarithm.": 0.2852})


def test_dots_are_no_answer_and_no_error() -> None:
    assert EXERCISE.check(..., 1.33, hint="Think.").startswith("No answer yet")


def test_every_notebook_ends_with_exercises_that_are_checked() -> None:
    pages = sorted(NOTEBOOKS.glob("0*.py"))
    assert len(pages) == 6
    for page in pages:
        text = page.read_text(encoding="utf-8")
        _, _, exercises = text.partition("\n# ## Exercises\n")
        asked, checked = exercises.count("\nanswer = ..."), len(re.findall(r"\ncheck\(\s*answer,", exercises))
        assert asked == checked >= 3, page.name
        assert exercises.count("hint=") >= checked, page.name
