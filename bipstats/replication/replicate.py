"""`replicate`: every published figure beside its estimate on a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bipstats.codebook import sampling_error
from bipstats.core.progress import progress as bar
from bipstats.errors import OptionError
from bipstats.replication.analyses import ANALYSES, estimate
from bipstats.replication.estimate import Quantities
from bipstats.replication.figures import forest_data, published_against_estimate
from bipstats.replication.frames import Prepared
from bipstats.replication.glance import glance
from bipstats.replication.incidence import by_first_belief
from bipstats.replication.ledger import calibration, ledger
from bipstats.replication.wording import line, number, range_text
from bipstats.study.study import Study
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

    Examples
    --------
    >>> import bipstats as bip
    >>> ledger = bip.replicate(bip.load_synthetic(), progress=False)
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
        notes = (self._warning,) if self.simulated else ()
        return Summary(_TITLE, shown, dict(self.glance), notes)

    @property
    def _warning(self) -> str:
        """What has to be said before the verdicts on simulated data."""
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

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the ratios: published mark beside estimate with interval, on a logarithmic scale."""
        return published_against_estimate(self.plot_data(), ax)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write one self-contained page: ledger, definitions, sources and figures.

        Parameters
        ----------
        path : path
            A file that is there already is replaced.
        """
        from bipstats.replication.page import render

        Path(path).write_text(render(self), encoding="utf-8", newline="\n")

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def __repr__(self) -> str:
        head = [_TITLE, *([self._warning] if self.simulated else [])]
        return "\n".join([*head, *self.lines()])


def replicate(study: Study, *, progress: bool | None = None) -> Replication:
    r"""Estimate every published figure of BIP on a study and set the two side by side.

    Parameters
    ----------
    study : Study
    progress : bool, optional
        Draw a progress bar on stderr; None: only on a terminal or in a notebook.

    Returns
    -------
    Replication
        ``.table``, ``.details``, ``.summary()``, ``.plot()``, ``.to_html(path)``.

    Raises
    ------
    OptionError
        If `study` is no Study; a folder is read by `bip.read_study` first.

    Notes
    -----
    With d = log 1.15 for ratios (shares: half a printed digit and one point) and s_B the assumed sampling
    error of a study of BIP's size (`bipstats.codebook.sampling_error`; none is published):

    - ``matches``: the 90 % interval lies within published ± d;
    - ``compatible``: not that, but :math:`|estimate - published| \le 1.96 \sqrt{se^2 + s_B^2}`;
    - ``conflicts``: otherwise;
    - ``sign agrees``, ``sign open``, ``sign contradicts``: by a simultaneous 95 % interval;
    - ``about zero``: two one-sided tests, within .03 standard deviations per quarter;
    - ``depends on definition``: one admissible definition agrees and another does not;
    - ``not comparable``, ``not estimated``: the note says why.

    On a study from a packaged world, with nothing intervened on, ``calibrated:`` stands before the verdict on
    every figure that the generator was calibrated to: agreement by construction, which tests the software and
    not BIP. On other simulated studies the verdicts stand as they are, and say nothing about BIP either.

    Examples
    --------
    >>> import bipstats as bip
    >>> result = bip.replicate(bip.simulate(clients=400, rng=1))
    >>> result.table.set_index("id").loc["E13", "verdict"]
    'not comparable'
    """
    if not isinstance(study, Study):
        raise OptionError(
            f"study={study!r} must be a Study: bip.read_study(folder) reads one from files, "
            "bip.load_synthetic() gives the packaged one."
        )
    prepared = Prepared(study)
    quantities: Quantities = {}
    for made in bar(estimate(prepared), len(ANALYSES), "replicate", progress):
        quantities.update(made)
    known = sampling_error()
    errors = dict(zip(known["quantity"], known["sd"], strict=True))
    table, details = ledger(quantities, errors, study.truth)
    calibrated, world = calibration(study.truth)
    return Replication(
        table=table,
        details=details,
        simulated=study.truth is not None,
        glance=glance(prepared),
        incidence=by_first_belief(study),
        calibrated=calibrated,
        world=world,
    )
