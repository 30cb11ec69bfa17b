"""Passes over the rows, one after the other, each written down when it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeVar

import pandas as pd

from bipstats.core.checkpoint import Steps
from bipstats.core.columns import require_columns
from bipstats.core.covariance import Cluster, Vcov, cluster_columns
from bipstats.core.design import formula_columns
from bipstats.core.parts import Addable, Parts
from bipstats.models.streamed_scan import Reading

T = TypeVar("T", bound=Addable)
S = TypeVar("S")


class Stream:
    """Data with a reading of them, and the passes made.

    Parameters
    ----------
    reading : Reading
    parts : Parts
    vcov : Vcov
    unit : str or None
    shown : bool or None
        Whether a bar is drawn.
    checkpoint : str or path, optional
    kind : type
        Dataclass that a checkpoint holds.
    """

    def __init__(
        self,
        reading: Reading,
        parts: Parts,
        vcov: Vcov,
        unit: str | None,
        shown: bool | None = None,
        checkpoint: str | PathLike[str] | None = None,
        *,
        kind: type,
    ) -> None:
        self.reading, self.parts, self.vcov, self.unit, self.shown = reading, parts, vcov, unit, shown
        known = pd.DataFrame(columns=list(parts.names))
        require_columns(known, formula_columns(reading.formula))
        require_columns(known, reading.needed, "an argument")
        require_columns(known, reading.identifiers, "vcov=")
        parts.require(reading.columns)
        key = repr((reading, vcov, unit, parts.key))
        self.steps = Steps(kind, hashlib.sha256(key.encode()).hexdigest(), checkpoint)
        self.n_passes = 0

    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str,
    ) -> T:
        """One pass."""
        self.n_passes += 1
        words = f"pass {self.n_passes}: {title}"
        return self.parts.total(function, columns, *args, ended=ended, title=words, shown=self.shown)

    def step(self, work: Callable[[], S]) -> S:
        """One step of the work, or what a checkpoint holds of it."""
        self.n_passes += self.steps.waiting > 0
        return self.steps.step(work)


def identifiers_of(vcov: Vcov, unit: str | None) -> tuple[str, ...]:
    """Columns of units and clusters."""
    columns = cluster_columns(vcov) if isinstance(vcov, Cluster) else []
    return tuple(dict.fromkeys([*([] if unit is None else [unit]), *columns]))
