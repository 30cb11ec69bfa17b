"""What ``rng=`` means, everywhere: None, a whole number or a numpy Generator."""

from __future__ import annotations

from numbers import Integral

from numpy.random import PCG64, Generator, SeedSequence

from bipstats.errors import OptionError


def check_rng(rng: object, name: str = "rng") -> None:
    """Raise `OptionError` unless `rng` is None, a whole number of 0 or more, or a numpy Generator."""
    whole = isinstance(rng, Integral) and not isinstance(rng, bool) and int(rng) >= 0
    if not (rng is None or whole or isinstance(rng, Generator)):
        raise OptionError(f"{name}={rng!r} must be None, a whole number of 0 or more, or a numpy Generator.")


def seed_sequence(rng: int | Generator | None, name: str = "rng") -> SeedSequence:
    """Give the root of independent streams; a Generator moves on by four numbers. Errors call it `name`.

    Examples
    --------
    >>> from bipstats.seeds import seed_sequence
    >>> seed_sequence(7).entropy
    7
    """
    check_rng(rng, name)
    if isinstance(rng, Generator):
        return SeedSequence([int(word) for word in rng.integers(0, 2**32, size=4)])
    return SeedSequence(None if rng is None else int(rng))


def generator(rng: int | Generator | None) -> Generator:
    """Give one stream; a Generator is itself."""
    return rng if isinstance(rng, Generator) else Generator(PCG64(seed_sequence(rng)))
