"""One BLAS thread around many small products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Look for the BLAS libraries once: the look takes longer than a small fit."""
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block's linear algebra on one thread.

    Notes
    -----
    Products of chunks that fit the cache are too short to be shared: a second thread gains a tenth on an idle
    machine, and costs many times that where another process wants the core.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield
