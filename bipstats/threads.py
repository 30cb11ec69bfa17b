"""One BLAS thread around many small products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Look for the BLAS libraries once: the look takes longer than a small fit."""
    return ThreadpoolController()


class _Limit:
    """The limit and how many blocks hold it; it is of the process, and blocks of several threads overlap."""

    def __init__(self) -> None:
        self.lock, self.holders, self.held = Lock(), 0, ExitStack()

    def take(self) -> None:
        with self.lock:
            if not self.holders:
                self.held.enter_context(_controller().limit(limits=1, user_api="blas"))
            self.holders += 1

    def give_back(self) -> None:
        with self.lock:
            self.holders -= 1
            if not self.holders:
                self.held.close()


_LIMIT = _Limit()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block's linear algebra on one thread.

    Notes
    -----
    Products of chunks that fit the cache are too short to be shared: a second thread gains a tenth on an idle
    machine, and costs many times that where another process wants the core. The limit ends with the last block that
    holds it, in whatever thread: otherwise it would outlive blocks of threads that overlap, and numbers computed later
    would differ in their last digits.
    """
    _LIMIT.take()
    try:
        yield
    finally:
        _LIMIT.give_back()
