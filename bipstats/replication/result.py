"""What `replicate` gives: the ledger, and what the report shows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bipstats.codebook.files import check_language
from bipstats.codebook.keys import Language
from bipstats.replication.figures import forest_data, published_against_estimate
from bipstats.replication.model_table import ModelTable
from bipstats.replication.wording import line, number, range_text
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLE = "Published figures of BIP beside estimates from this study"
_SIMULATED = "SIMULATED study: no verdict says anything about BIP. "
_CALIBRATED = (
    "'calibrated:' marks figures that the generator was made to agree with: agreement tests the software."
)


@dataclass(frozen=True, repr=False, eq=False)
class Replication:
    """The ledger of one study; it holds no rows of persons.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per figure or part of one: ``id, statement, kind, published`` (NaN where only words are
        published), ``scale, estimand, population, time zero, horizon, definition`` (``published`` or
        ``assumed``), ``target`` (``yes`` if the generator was calibrated to the figure), ``estimate,
        interval`` (95 %; simultaneous where signs of several classes are judged), ``n, verdict, note``.
    details : pandas.DataFrame
        Every definition of a figure: ``id, definition, role`` (``main``, ``admissible``, ``beside``: shown
        and not judged, ``truth``: of simulated data), ``estimate, interval, n, verdict, note``.
    simulated : bool
    glance : mapping of str to str
        The study in counts.
    incidence : pandas.DataFrame
        Cumulative incidence of job or education by the first answer on belief: ``belief, week, incidence,
        at_risk``; empty if it cannot be computed.
    calibrated : bool
        Whether the study comes from a packaged world, left as it was calibrated; False for real data.
    world : str
        What the truth of simulated data says about that.
    flow : pandas.DataFrame
        From the clients of the study to those behind the estimates: ``key, step, of`` (the key of the step from
        which clients are left out; empty at the first), ``clients, left_out`` (NA where either is one to four),
        ``reason``.
    caterpillar : pandas.DataFrame
        Caseworkers without names, from the lowest to the highest shrunken rate: ``position, adjusted, conf_low,
        conf_high`` (entries per client-year before shrinkage, 95 %), ``shrunken, rank, rank_low, rank_high`` (1 is
        the highest; limits of simultaneous 95 % sets), ``overall`` (the rate of all).
    thought_experiment : pandas.DataFrame
        Share of clients who enter, and who would if all caseworkers were as effective as the best: ``group, kind``
        (``published``, ``actual``, ``naive``, ``feasible``, ``oracle`` on simulated studies), ``share, conf_low,
        conf_high, gain`` (over the actual or published share). The published group is ``not stated``.
    classes : pandas.DataFrame
        Change of the index per quarter by class of intervention: ``class, published`` (``negative``, ``positive``,
        ``largest``, ``about zero``), ``design`` (``observed``, ``adjusted``, ``items of the client``, ``items of the
        caseworker``), ``estimate, conf_low, conf_high`` (95 %, simultaneous over the classes of a design), ``n``
        (pairs of measurements).
    indicators : pandas.DataFrame
        The eleven indicators in one model of entry into a job, strongest first: ``rank, indicator, rater, published``
        (whether it is among the nine that are said to be related to a job), ``estimate, conf_low, conf_high`` (hazard
        ratio per standard deviation, 95 %), ``p_value, sd`` (in steps of the answer).
    models : mapping of str to ModelTable
        Id of a row -> the full table of the model behind its main estimate; no entry where there is no model.
    code : mapping of str to str
        Id of a row -> Python that repeats its estimate; no entry where there is no estimate to repeat.
    assumptions : mapping of str to str
        Id of a row -> what its reading takes for granted, and what cannot be concluded.
    status : pandas.DataFrame
        What is published, derived and assumed: ``what, status, count, ids, meaning``.
    readings : mapping of str to str
        Name of one of the frames above -> what it says and when it misleads, in plain words.
    reasons : mapping of str to str
        Name of a frame that is empty -> why.
    draws, seed : int
        Of the resampling of the caseworker analyses.

    Examples
    --------
    >>> import bipstats as bip
    >>> ledger = bip.replicate(bip.load_synthetic(), draws=20, progress=False)
    >>> ledger.simulated, ledger.calibrated
    (True, True)
    >>> sorted(set(ledger.details["role"]))
    ['admissible', 'beside', 'main', 'truth']
    """

    table: pd.DataFrame
    details: pd.DataFrame
    simulated: bool
    glance: Mapping[str, str] = field(default_factory=dict)
    incidence: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibrated: bool = False
    world: str = ""
    flow: pd.DataFrame = field(default_factory=pd.DataFrame)
    caterpillar: pd.DataFrame = field(default_factory=pd.DataFrame)
    thought_experiment: pd.DataFrame = field(default_factory=pd.DataFrame)
    classes: pd.DataFrame = field(default_factory=pd.DataFrame)
    indicators: pd.DataFrame = field(default_factory=pd.DataFrame)
    models: Mapping[str, ModelTable] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    assumptions: Mapping[str, str] = field(default_factory=dict)
    status: pd.DataFrame = field(default_factory=pd.DataFrame)
    readings: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    draws: int = 0
    seed: int = 0

    def summary(self) -> Summary:
        """The ledger as a table for reading; `table` has every column."""
        shown = pd.DataFrame(
            {
                "id": self.table["id"],
                "published": [
                    number(v, s) for v, s in zip(self.table["published"], self._scales, strict=True)
                ],
                "estimate": [number(v, s) for v, s in zip(self.table["estimate"], self._scales, strict=True)],
                "95 % interval": [
                    range_text(v, s) for v, s in zip(self.table["interval"], self._scales, strict=True)
                ],
                "scale": self.table["scale"],
                "verdict": self.table["verdict"],
            }
        )
        notes = (self.warning,) if self.warning else ()
        return Summary(_TITLE, shown, dict(self.glance), notes)

    @property
    def warning(self) -> str:
        """What has to be said before the verdicts on simulated data; empty for real data."""
        if not self.simulated:
            return ""
        if self.calibrated:
            return _SIMULATED + _CALIBRATED
        return f"{_SIMULATED}It is not calibrated to these figures: {self.world}."

    @property
    def _scales(self) -> pd.Series:
        return self.table["scale"]

    def lines(self) -> list[str]:
        """One line per row: id, verdict, published, estimate with interval."""
        return [line(row) for _, row in self.table.iterrows()]

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: ``id, label, published, estimate, conf_low, conf_high`` of the ratios."""
        return forest_data(self.table)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the ratios: published mark beside estimate with interval, on a logarithmic scale."""
        check_language(lang)
        return published_against_estimate(forest_data(self.table, lang), ax, lang)

    def to_html(self, path: str | PathLike[str], lang: Language = "en") -> None:
        """Write one self-contained page: ledger, definitions, sources and figures.

        Parameters
        ----------
        path : path
            A file that is there already is replaced.
        lang : {"en", "sv", "da"}

        Raises
        ------
        OptionError
            If there is no such language.
        """
        from bipstats.replication.page import render

        check_language(lang)
        Path(path).write_text(render(self, lang), encoding="utf-8", newline="\n")

    def to_folder(self, path: str | PathLike[str], lang: Language = "en", force: bool = False) -> Path:
        """Write the whole report: page, tables, figures, and everything once more for machines.

        Parameters
        ----------
        path : path
            Made if it is not there. An earlier report in it is replaced.
        lang : {"en", "sv", "da"}
            Of the page and the figures; the tables are in English.
        force : bool
            Whether to write into a folder that holds other files; these stay as they are.

        Returns
        -------
        pathlib.Path
            Of the page, ``index.html``. Beside it stand ``ledger.csv``, ``details.csv``, ``result.json``, and
            ``figures`` with each figure as PNG and SVG.

        Raises
        ------
        OptionError
            There is no such language, the path is a file, the folder holds files that are no report's, or nothing can
            be written there.
        """
        from bipstats.replication.folder import write_folder

        check_language(lang)
        return write_folder(self, Path(path), lang, force)

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def __repr__(self) -> str:
        head = [_TITLE, *([self.warning] if self.warning else [])]
        return "\n".join([*head, *self.lines()])
