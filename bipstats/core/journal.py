"""Results written down one by one as they are found, so that interrupted work goes on where it stopped."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bipstats.core.serialise import value_from_json, value_to_json
from bipstats.errors import ModelError, ModelWarning, OptionError

_FORMAT = 1


class Journal:
    """A text file of one line per result, after a first line that says of which work they are.

    Parameters
    ----------
    path : str or path
        Written if it is not there, else read and gone on with.
    key : str
        Tells this work from any other.
    kinds : sequence of type, optional
        Dataclasses that results may hold.

    Attributes
    ----------
    done : list
        Results that the file held when it was opened.

    Raises
    ------
    OptionError
        The file cannot be written, or is of other work.
    ModelError
        The file is damaged elsewhere than at its end; the message names file and line.

    Notes
    -----
    A line that lacks its end was being written when the work stopped; it is taken off. A disk that fills up costs
    the lines to come, not the work: a `ModelWarning` says so once, and the lines that are there stay whole.

    Examples
    --------
    >>> import tempfile
    >>> from bipstats.core.journal import Journal
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Journal(f"{folder}/found.jsonl", "squares up to 3").append(1.0)
    ...     Journal(f"{folder}/found.jsonl", "squares up to 3").done
    [1.0]
    """

    def __init__(self, path: str | os.PathLike[str], key: str, kinds: Sequence[type] = ()) -> None:
        self._path = Path(path)
        self._writing = True
        self.done: list[Any] = []
        head = json.dumps({"journal": _FORMAT, "key": key})
        try:
            held = self._path.read_bytes() if self._path.exists() else b""
            first = head.encode() + b"\n"
            if not held.startswith(first) and not first.startswith(held):
                raise OptionError(
                    f"checkpoint={str(path)!r} is of other work: another task, argument, seed or number, or no "
                    "checkpoint at all. Give another file, or delete it to begin anew."
                )
            whole = held[: held.rfind(b"\n") + 1]
            self._size = len(whole)
            lines = whole.decode("ascii", "replace").splitlines()
            self.done = [self._read(place, line, kinds) for place, line in enumerate(lines[1:])]
            with self._path.open("ab") as file:
                file.truncate(self._size)
            if not lines:
                self._write(head)
        except OSError as error:
            raise OptionError(
                f"checkpoint={str(path)!r} cannot be written: {error.strerror or error}."
            ) from error
        self._n = len(self.done)

    def _read(self, place: int, line: str, kinds: Sequence[type]) -> Any:
        """One result; lines are numbered, so that two processes that wrote to one file are found out."""
        try:
            number, text = line.split(" ", 1)
            if int(number) != place:
                raise ValueError(f"result {number} stands where {place} should")
            return value_from_json(text, kinds)
        except ValueError as error:
            raise ModelError(
                f"checkpoint {str(self._path)!r}, line {place + 2}, is damaged ({error}): delete the file to begin "
                "anew, or the lines from there on."
            ) from None

    def append(self, value: Any) -> None:
        """Write the next result.

        Raises
        ------
        ModelError
            It is no plain data.
        """
        text = value_to_json(value, f"result {self._n}")
        if self._writing:
            try:
                self._write(f"{self._n} {text}")
            except OSError as error:
                self._give_up(error)
        self._n += 1

    def _write(self, line: str) -> None:
        written = line.encode() + b"\n"
        with self._path.open("ab") as file:
            file.write(written)
        self._size += len(written)

    def _give_up(self, error: OSError) -> None:
        os.truncate(self._path, self._size)
        self._writing = False
        warnings.warn(
            f"checkpoint {str(self._path)!r} could not be written ({error.strerror or error}). The work goes on; "
            f"interrupted, it would go on from result {self._n:,}, the last that was written.",
            ModelWarning,
            stacklevel=4,
        )
