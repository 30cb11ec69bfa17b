"""A dask data frame as parts: one task a partition, and sums in the shape of a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pandas as pd

from bipstats.core.parts import Addable, PairwiseSum, Parts, finished
from bipstats.core.progress import progress
from bipstats.errors import ModelError
from bipstats.parquet import named_errors

T = TypeVar("T", bound=Addable)


class Partitions(Parts):
    """A dask data frame: one task a partition, by dask's own scheduler (the user's cluster, where there is one)."""

    def __init__(self, frame: Any) -> None:
        from dask.base import tokenize

        self.frame = frame
        self.names = tuple(map(str, frame.columns))
        self.key = tokenize(frame)

    def require(self, columns: Sequence[str]) -> None:
        """Dask frames have one schema."""

    def n_rows(self) -> int:
        """Number of rows; dask counts them."""
        return len(self.frame)

    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str = "",
        shown: bool | None = None,
    ) -> T:
        """Sum a function of blocks of rows over all partitions, in order; see `Parts.total`."""
        import dask

        parts = self.frame[list(columns)].to_delayed()
        task = dask.delayed(_of_partition, pure=False)
        sums = [
            task(part, f"partition {place}", function, args, ended, self.block)
            for place, part in enumerate(parts)
        ]
        join = dask.delayed(_joined, pure=False)
        while len(sums) > 1:
            pairs = [join(*sums[place : place + 2]) for place in range(0, len(sums) - 1, 2)]
            sums = pairs + sums[2 * len(pairs) :]
        found = None
        for place in progress(range(1), 1, title, shown):
            found = dask.compute(sums[place])[0]
        if found is None:
            raise ModelError("the dask data frame has no rows.")
        return found


def _of_partition(
    frame: pd.DataFrame,
    label: str,
    function: Callable[..., T],
    args: tuple[object, ...],
    ended: Callable[[T, str], T] | None,
    block: int,
) -> T | None:
    """Sum one partition block by block; None if it has no rows."""
    if not len(frame):
        return None
    own: PairwiseSum[T] = PairwiseSum()
    for low in range(0, len(frame), block):
        with named_errors(label):
            term = function(frame.iloc[low : low + block], *args)
        own.add(term)
    return finished(own.total(), ended, label)


def _joined(left: T | None, right: T | None) -> T | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right  # type: ignore[no-any-return]
