"""The rows of the ledger as they are declared in ``targets.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import pandas as pd

from bipstats.codebook import published

Judge = Literal["ratio", "share", "positive", "negative", "zero", "largest", "none"]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One row of the ledger before a study is known.

    Attributes
    ----------
    id : str
        The figure's id; a second row of one figure adds what it is.
    part : str
        Which number of a figure that carries several.
    quantity : str
        Name of the estimate that stands beside the figure; empty where there is none.
    judge : str
        How the two are judged; see ``targets.toml``.
    printed : float
        For shares: the last printed digit.
    statement, words, kind : str
        In place of the figure's own, where the row is about another statement of its source.
    target : bool
        Whether the generator was calibrated to the figure.
    incomparable : str
        Why numbers cannot be compared; empty where they can.
    generator : str
        What the simulated worlds have built in; said on simulated studies only.
    label : str
        Name of the row's own definition among the others.
    admissible, beside : tuple of (quantity, label)
        Definitions as good as the row's own; estimates shown and not judged.
    truth : tuple of (quantity, scale, label)
        What is true in a simulated study.
    assumes : str
        What the reading of the row takes for granted, and what cannot be concluded from it.
    """

    id: str
    judge: Judge
    scale: str
    estimand: str
    population: str
    time_zero: str
    horizon: str
    definition: str
    target: bool
    quantity: str = ""
    part: str = ""
    printed: float = 0.01
    statement: str = ""
    words: str = ""
    kind: str = ""
    incomparable: str = ""
    note: str = ""
    generator: str = ""
    label: str = "as above"
    admissible: tuple[Pair, ...] = ()
    beside: tuple[Pair, ...] = ()
    truth: tuple[tuple[str, str, str], ...] = ()
    assumes: str = ""

    @property
    def figure(self) -> str:
        """Id of the published figure."""
        return self.id.split()[0]


@dataclass(frozen=True, slots=True)
class Published:
    """What the sources print, as far as a row of the ledger needs it.

    Attributes
    ----------
    statement, kind : str
    value : float
        NaN where only words are published, and where the row is about none of the figure's numbers.
    """

    statement: str
    kind: str
    value: float


@cache
def targets() -> tuple[Target, ...]:
    """Give every row of the ledger, in the order of the figures."""
    text = (resources.files("bipstats.replication") / "targets.toml").read_text(encoding="utf-8")
    return tuple(_target(row) for row in tomllib.loads(text)["row"])


def figure_of(target: Target, figures: pd.DataFrame) -> Published:
    """Find the published number that a row is about.

    Parameters
    ----------
    target : Target
    figures : pandas.DataFrame
        `bipstats.codebook.published` indexed by ``id``.
    """
    row = figures.loc[target.figure].to_dict()
    kind = target.kind or str(row["kind"])
    if target.statement:
        return Published(target.statement, kind, float("nan"))
    if not target.part:
        return Published(str(row["statement"]), kind, float(row["value"]))
    return Published(f"{row['statement']}: {target.part}", kind, float(row["parts"][target.part]))


def figures() -> pd.DataFrame:
    """The published figures, indexed by id."""
    return published().set_index("id")


def _target(row: dict[str, object]) -> Target:
    """A TOML row with its lists as tuples."""
    cells = {
        key: tuple(tuple(item) for item in cell) if isinstance(cell, list) else cell
        for key, cell in row.items()
    }
    return Target(**cells)  # type: ignore[arg-type]
