"""Where a plot's figure lives: on its own in scripts, in pyplot's list in a notebook, which shows that list."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import bipstats as bip
from bipstats import plotting
from bipstats.shell import in_notebook


def _curve() -> Any:
    rows = pd.DataFrame({"start": 0, "stop": [1, 2, 3], "event": [1, 0, 1]})
    return bip.survival_curve(rows, start="start", stop="stop", event="event")


@pytest.mark.parametrize("shown", [True, False])
def test_a_notebook_shows_a_plot_and_a_script_keeps_none(
    monkeypatch: pytest.MonkeyPatch, shown: bool
) -> None:
    plt.close("all")
    monkeypatch.setattr(plotting, "in_notebook", lambda: shown)
    before = dict(plt.rcParams)
    axes = _curve().plot()
    assert [plt.figure(number) for number in plt.get_fignums()] == ([axes.figure] if shown else [])
    assert dict(plt.rcParams) == before
    plt.close("all")


def test_a_page_is_not_shown_a_second_time_as_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plt.close("all")
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    study = bip.simulate(clients=400, rng=1)
    ledger = bip.replicate(study, draws=20)
    ledger.to_html(tmp_path / "report.html")
    ledger.to_folder(tmp_path / "report")
    client = str(study.clients["client"].iloc[0])
    bip.progression.profile(study, client).to_html(tmp_path / "profile.html")
    assert plt.get_fignums() == []


def test_a_plot_on_given_axes_opens_no_other_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    plt.close("all")
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    figure, axes = plt.subplots()
    assert _curve().plot(ax=axes) is axes
    assert plt.get_fignums() == [figure.number]
    plt.close("all")


@pytest.mark.parametrize(
    ("shell", "answer"), [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)]
)
def test_which_shell_is_a_notebook(monkeypatch: pytest.MonkeyPatch, shell: str, answer: bool) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=type(shell, (), {})))
    assert in_notebook() is answer
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
