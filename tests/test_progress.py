"""The progress bar: passes steps through, draws only where asked."""

from __future__ import annotations

import pytest

from bipstats.core.progress import progress


def test_steps_pass_through_and_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("abc", 3, "steps", shown=False)) == ["a", "b", "c"]
    assert list(progress("abc", 3, "steps")) == ["a", "b", "c"]  # captured: no terminal
    assert capsys.readouterr().err == ""


def test_the_bar_counts_and_is_wiped(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(2), 2, "steps", shown=True)) == [0, 1]
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "1/2" in drawn.err and "2/2" in drawn.err
    assert drawn.err.endswith("\r")


def test_the_bar_is_wiped_when_a_step_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def steps():
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(progress(steps(), 2, "steps", shown=True))
    assert capsys.readouterr().err.endswith("\r")
