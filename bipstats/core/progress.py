"""A small progress bar on stderr; needs nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from bipstats.shell import in_notebook

T = TypeVar("T")

_WIDTH = 30


def progress(steps: Iterable[T], total: int, label: str, shown: bool | None = None) -> Iterator[T]:
    """Pass `steps` through and draw how many are done.

    Parameters
    ----------
    steps : iterable
    total : int
        How many there will be.
    label : str
        Stands before the bar.
    shown : bool, optional
        None: only where stderr is a terminal, or in a notebook.

    Yields
    ------
    The steps, unchanged. The bar is wiped when they end.

    Examples
    --------
    >>> from bipstats.core.progress import progress
    >>> list(progress(range(3), 3, "counting", shown=False))
    [0, 1, 2]
    """
    visible = sys.stderr.isatty() or in_notebook() if shown is None else shown
    if not visible:
        yield from steps
        return
    _draw(label, 0, total)
    try:
        for done, step in enumerate(steps, start=1):
            yield step
            _draw(label, done, total)
    finally:
        sys.stderr.write("\r" + " " * (len(label) + _WIDTH + 20) + "\r")
        sys.stderr.flush()


def _draw(label: str, done: int, total: int) -> None:
    full = round(_WIDTH * done / max(total, 1))
    sys.stderr.write(f"\r{label} [{'#' * full}{'.' * (_WIDTH - full)}] {done}/{total}")
    sys.stderr.flush()
