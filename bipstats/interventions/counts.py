"""How many clients are in which class, by what is counted, beside how many stood still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import CLASSES
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, levels, say, wrapped
from bipstats.interventions.windows import classify
from bipstats.plotting import COLOURS, legend_above, new_axes, per_cent_axis, tidy_axes
from bipstats.progression.index import Version, readiness
from bipstats.tables import Summary
from bipstats.timeline.transitions import transitions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

KINDS = (*CLASSES, "without job", "one type", "two or more types")
"""What is counted: the four classes, the first two of them together, and numbers of types."""


@dataclass(frozen=True, repr=False, eq=False)
class Shares:
    """Shares of client-windows and of clients by what interventions they had, and of those who did not progress.

    Attributes
    ----------
    table : pandas.DataFrame
        ``kind, by_window, window_error, by_client, client_error, first_window, first_error, not_risen, n_pairs``.
    window : int
        Weeks.
    n_windows, n_clients : int
    level : float

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.shares(bip.simulate(clients=600, rng=1))
    >>> found.table["kind"].tolist()
    ['none', 'other only', 'job only', 'job + other', 'without job', 'one type', 'two or more types']
    >>> found.n_clients
    569
    """

    table: pd.DataFrame
    window: int
    n_windows: int
    n_clients: int
    level: float

    @property
    def paragraph(self) -> str:
        """What it says, and what it does not."""
        classes = self.table.iloc[: len(CLASSES)]
        none, others = (float(classes["by_window"].iloc[place]) for place in (0, 1))
        risen = float(np.average(classes["not_risen"].fillna(0), weights=classes["n_pairs"]))
        together = float(self.table["not_risen"].iloc[len(CLASSES)])
        return (
            f"{none + others:.0%} of the windows of {self.window} weeks have no job-oriented intervention "
            f"({none:.0%} none at all, {others:.0%} others "
            f"only). That "
            "is a sum of two classes and says nothing of single clients. The answers of "
            f"{risen:.0%} of those measured again had not risen, in whatever class, and of "
            f"{together:.0%} in those two; with noise in the answers about half do not rise where nothing "
            "changes."
        )

    def summary(self) -> Summary:
        """Table with the units of counting."""
        facts = {
            "window": f"{self.window} weeks",
            "windows": f"{self.n_windows:,}",
            "clients": f"{self.n_clients:,}",
        }
        return Summary("Interventions by what is counted", self.table, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the shares of the classes by the unit counted, beside the share that did not rise."""
        frame = self.table.iloc[: len(CLASSES)]
        axes = tidy_axes(new_axes(8.0, 4.4) if ax is None else ax)
        axes.grid(False, axis="x")
        columns = {"by_window": "windows", "by_client": "clients", "first_window": "first_window"}
        place = np.arange(len(frame))
        for number, (name, words) in enumerate(columns.items()):
            axes.bar(
                place + 0.2 * (number - 1), frame[name], 0.19, color=COLOURS[number], label=say(words, lang)
            )
        axes.plot(place, frame["not_risen"], "D", color="black", label=say("not_risen", lang))
        axes.set_xticks(place, [wrapped(name, 20) for name in levels(frame["kind"], lang)])
        axes.set_ylim(0, 1)
        per_cent_axis(axes, lang)
        return axis_words(legend_above(axes), y=say("share_axis", lang))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def shares(study: Study, *, window: int = 13, version: Version = "mean", level: float = 0.95) -> Shares:
    """Count classes of intervention by client-window and by client, beside the shares that did not progress.

    Parameters
    ----------
    study : Study
    window : int
        Weeks; windows with the whole of it at risk are counted.
    version : {"mean", "factor", "job model"}
        Index whose change is looked at, as in `bip.progression.readiness`.
    level : float, default 0.95

    Returns
    -------
    Shares

    Raises
    ------
    ModelError
        No client was at risk for a whole window.

    Notes
    -----
    ``by_window``: of all client-windows, with errors clustered by client. ``by_client``: mean over clients of the share
    of their windows. ``first_window``: of clients, in their first. ``not_risen``: of pairs of measurements in the
    class, those whose index did not rise.

    Examples
    --------
    >>> import bipstats as bip
    >>> counted = bip.interventions.shares(bip.simulate(clients=300, rng=1))
    >>> bool(abs(counted.table["by_window"].iloc[:4].sum() - 1) < 1e-12)
    True
    """
    check_level(level)
    rows = classify(study, window=window)
    rows = rows[rows["stop_week"] - rows["start_week"] == window]
    if rows.empty:
        raise ModelError(f"no client was at risk for a whole window of {window} weeks.")
    risen = _not_risen(study, version)
    table = count_kinds(rows)
    table["not_risen"] = [risen.get(kind, (np.nan, 0))[0] for kind in table["kind"]]
    table["n_pairs"] = [risen.get(kind, (np.nan, 0))[1] for kind in table["kind"]]
    return Shares(table, window, len(rows), int(rows["client"].nunique()), level)


def count_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of every kind of window among windows, among clients, and among clients in their first window.

    Parameters
    ----------
    rows : pandas.DataFrame
        Whole windows, as `classify` gives them.

    Returns
    -------
    pandas.DataFrame
        ``kind, by_window, window_error, by_client, client_error, first_window, first_error``.
    """
    client = pd.factorize(rows["client"])[0]
    first = ~rows["client"].duplicated().to_numpy()
    number = np.bincount(client)
    pieces = []
    for kind, flag in flags_of(rows).items():
        share, own, begin = float(flag.mean()), np.bincount(client, flag) / number, flag[first]
        sums = np.bincount(client, flag - share)
        one = len(own) == 1  # a single client has no spread
        pieces.append(
            {
                "kind": kind,
                "by_window": share,
                "window_error": float(np.sqrt(sums @ sums)) / len(flag),
                "by_client": float(own.mean()),
                "client_error": np.nan if one else float(own.std(ddof=1) / np.sqrt(len(own))),
                "first_window": float(begin.mean()),
                "first_error": float(begin.std() / np.sqrt(len(begin))),
            }
        )
    return pd.DataFrame(pieces)


def flags_of(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which windows of `classify` are of each kind."""
    classes, types = rows["intervention_class"].to_numpy(dtype=object), rows["n_types"].to_numpy()
    flags = {kind: classes == kind for kind in CLASSES}
    flags["without job"] = flags["none"] | flags["other only"]
    flags["one type"], flags["two or more types"] = types == 1, types >= 2
    return flags


def _not_risen(study: Study, version: Version) -> dict[str, tuple[float, int]]:
    """Share of pairs of measurements whose index did not rise, by class, with their number."""
    pairs = transitions(study)
    change = readiness(study, version=version).change(pairs)
    known = change.notna()
    classes = pairs.loc[known, "intervention_class"].to_numpy(dtype=object)
    still = (change[known] <= 1e-12).to_numpy()
    groups = {kind: classes == kind for kind in CLASSES}
    groups["without job"] = groups["none"] | groups["other only"]
    return {
        kind: (float(still[own].mean()) if own.any() else np.nan, int(own.sum()))
        for kind, own in groups.items()
    }
