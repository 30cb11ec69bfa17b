"""Rows in parts that are never held together, and sums over them.

A pass is a sum: each block of rows becomes a small object, and objects are added in the order of the rows, pairwise,
so that rounding grows with the logarithm of their number and the result is the same in every run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar


class Addable(Protocol):
    """What a block of rows becomes."""

    def __add__(self, other: Any, /) -> Any:
        """Join with what the rows that follow became; associative."""


T = TypeVar("T", bound=Addable)


class Parts(ABC):
    """Rows in parts that can be read one by one.

    Attributes
    ----------
    names : tuple of str
        Columns.
    key : str
        Tells these data from others, without a value of theirs.
    """

    names: tuple[str, ...]
    key: str

    block: ClassVar[int] = 65_536
    """Rows taken at a time: few enough for the cache, enough for the cost of a call not to matter."""

    @abstractmethod
    def require(self, columns: Sequence[str]) -> None:
        """Raise unless every part has these columns, in the same type."""

    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows."""

    @abstractmethod
    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str = "",
        shown: bool | None = None,
    ) -> T:
        """Sum a function of blocks of rows over all parts, in order.

        Parameters
        ----------
        function : callable
            ``function(frame, *args)``, of the module level: other processes may have to find it.
        columns : sequence of str
            The only ones that are read.
        *args
        ended : callable, optional
            Applied to the sum of each part, with the part's label.
        title : str
            Stands before the progress bar.
        shown : bool, optional
            As for `progress`.

        Raises
        ------
        ModelError
            There are no rows, or a part cannot be read; the message names it.
        """


def finished(total: T, ended: Callable[[T, str], T] | None, label: str) -> T:
    """Sum of one part."""
    return total if ended is None else ended(total, label)


class PairwiseSum(Generic[T]):
    """A sum of many terms in the shape of a binary tree, without holding them."""

    def __init__(self) -> None:
        self._sums: list[tuple[int, T]] = []

    def add(self, term: T) -> None:
        """Take in the next term."""
        size = 1
        while self._sums and self._sums[-1][0] == size:
            term = self._sums.pop()[1] + term
            size *= 2
        self._sums.append((size, term))

    def total(self) -> T:
        """Sum of all terms so far."""
        total = self._sums[-1][1]
        for _, term in reversed(self._sums[:-1]):
            total = term + total
        return total
