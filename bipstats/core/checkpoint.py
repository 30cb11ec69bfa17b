"""Long work in steps, each written down when it is done: called again, the work goes on where it stopped."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bipstats.core.serialise import from_json, to_json
from bipstats.errors import ModelError, ModelWarning, OptionError

T = TypeVar("T")


class Steps:
    """Steps of one piece of work, in a fixed order.

    Parameters
    ----------
    kind : type
        Dataclass with the fields ``key`` (str) and ``done`` (a tuple of the steps' results, which are plain data).
    key : str
        Tells this work from any other: what was asked for, and of which data.
    path : str or path, optional
        File to write to; None: nothing is written.

    Raises
    ------
    OptionError
        The folder of `path` does not exist.
    ModelError
        `path` holds something else than steps of this work.
    """

    def __init__(self, kind: type, key: str, path: str | os.PathLike[str] | None) -> None:
        self._kind, self._key = kind, key
        self._path = None if path is None else Path(path)
        self._done: tuple[Any, ...] = () if self._path is None else _read(kind, key, self._path)
        self._place = 0

    @property
    def waiting(self) -> int:
        """Results that were read and have not been taken yet."""
        return len(self._done) - self._place

    def step(self, work: Callable[[], T]) -> T:
        """Give the next step's result: as read, or worked out now and written."""
        self._place += 1
        if self._place <= len(self._done):
            return self._done[self._place - 1]  # type: ignore[no-any-return]
        found = work()
        if self._path is not None:
            self._done += (found,)
            _write(self._path, to_json(self._kind(self._key, self._done)))
        return found


def _read(kind: type, key: str, path: Path) -> tuple[Any, ...]:
    if not path.parent.is_dir() or path.is_dir():
        raise OptionError(f"checkpoint={str(path)!r} is no file in a folder that exists.")
    if not path.exists():
        return ()
    try:
        found = from_json(path.read_text(encoding="utf-8"), {kind.__name__: lambda: kind})
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(
            f"checkpoint {str(path)!r} cannot be used: {error} Delete it, or give another file."
        ) from None
    if found.key != key:
        raise ModelError(
            f"checkpoint {str(path)!r} is of another fit: the formula, an option or the data (file names, sizes, row "
            "counts) differ. Delete it to begin anew, or give another file."
        )
    return found.done  # type: ignore[no-any-return]


def _write(path: Path, text: str) -> None:
    """Write beside and rename: the file is the old one or the new one, whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        try:
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(
            f"checkpoint {str(path)!r} could not be written ({error.strerror or error}); what it held before is "
            "untouched. The fit goes on; interrupted, it would go on from there.",
            ModelWarning,
            stacklevel=2,
        )
