"""One BLAS thread around small dense algebra."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS to one thread within a ``with`` block.

    Notes
    -----
    The products of a search are of a thousand rows at a time: a second thread gains next to nothing, and where
    it has to wait for a core each product takes fifty times as long.
    """
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit
