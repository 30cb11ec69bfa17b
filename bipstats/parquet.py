"""Parquet files on a disk: found in order, compared, and named where something is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from bipstats.errors import ModelError

_NUMBER = re.compile(r"(\d+)")


def listed_files(folder: Path) -> list[Path]:
    """Files below a folder, hidden ones left out; numbers in names count as numbers."""
    inside = [path for path in folder.rglob("*") if path.is_file()]
    shown = [path for path in inside if not any(name[0] in "._" for name in path.relative_to(folder).parts)]
    return sorted(shown, key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return [
        (0, int(bit), "") if bit.isdigit() else (1, 0, bit) for bit in _NUMBER.split(path.as_posix()) if bit
    ]


def kind_of(kind: Any) -> str:
    """A column's type in words that are the same where the values are: the width of codes does not matter."""
    if pa.types.is_dictionary(kind):
        return f"dictionary of {kind_of(kind.value_type)}"
    return "string" if pa.types.is_large_string(kind) else str(kind)


@contextmanager
def named_errors(label: str) -> Iterator[None]:
    """Have every error say in which file it arose."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise ModelError(
            f"{label} cannot be read: {reason}. It is no Parquet file, or it is truncated or damaged; write it anew. "
            "Nothing has been returned."
        ) from error
