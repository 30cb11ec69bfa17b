"""A walk through everything that an object holds, in search of rows of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

LONGEST = 64
"""More than any dimension of a result of the tests' fits: terms, event times, periods, strata."""


def parts(value: Any, where: str = "it") -> Iterator[tuple[str, Any]]:
    """Every object inside an object, with the way to it."""
    yield where, value
    if is_dataclass(value) and not isinstance(value, type):
        inner = {field.name: getattr(value, field.name) for field in fields(value)}
        inner |= getattr(value, "__dict__", {})
    elif isinstance(value, dict):
        inner = {f"key {key!r}": key for key in value} | {repr(key): item for key, item in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        inner = {str(place): item for place, item in enumerate(value)}
    elif isinstance(value, pd.DataFrame):
        inner = {str(name): value[name].to_numpy() for name in value} | {"index": value.index.to_numpy()}
    elif isinstance(value, pd.Series | pd.Index):
        inner = {"values": value.to_numpy()}
    elif isinstance(value, np.ndarray):
        inner = {"values": value.tolist()} if value.dtype == object else {}
        inner |= {} if value.base is None else {"base": value.base}
    else:
        inner = {}
    for name, item in inner.items():
        yield from parts(item, f"{where}.{name}")


def findings(value: Any, data: pd.DataFrame, longest: int = LONGEST) -> list[str]:
    """What must not be inside: long things, values of rows, identifiers, and code, which may hide all of these."""
    own = np.concatenate([data[name].to_numpy(float) for name in ("x", "u", "score", "off")])
    return [
        f"{where}: {said}" for where, part in parts(value) if (said := _said(part, own, longest)) is not None
    ]


def _said(part: Any, own: np.ndarray, longest: int) -> str | None:
    if isinstance(part, str | bytes):
        return f"names a person: {part!r}" if "person-" in str(part) else None
    sizes = part.shape if hasattr(part, "shape") else (len(part),) if hasattr(part, "__len__") else ()
    if max(sizes, default=0) > longest:
        return f"{type(part).__name__} of size {sizes}"
    if isinstance(part, np.ndarray | float) and np.isin(np.asarray(part, object).ravel(), own).any():
        return f"{type(part).__name__} with the value of a row"
    if callable(part) and not isinstance(part, type):
        return f"code: {part!r}"
    return None
