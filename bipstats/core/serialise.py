"""Frozen results as JSON and back, to the last bit: data only, never code.

Values that JSON lacks (tuples, arrays, dates, infinities) are objects with a tag under ``"is"``; a dataclass is
one with its class's name. Reading makes objects of the classes it is given and of those that their annotations
name, and of nothing else.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from bipstats.errors import ModelError
from bipstats.versions import library_version

FORMAT = 1
_TAG = "is"
_KINDS = "biufMmU"  # of arrays: booleans, numbers, dates, text
_UNBOUND = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}


def to_json(result: object) -> str:
    """Write a frozen dataclass as JSON text.

    Raises
    ------
    ModelError
        A field holds something that is no plain data; the message names it.
    """
    name = type(result).__name__
    written = {
        "format": FORMAT,
        "model": name,
        "bipstats": library_version(),
        "fields": {
            field.name: _encode(getattr(result, field.name), f"{name}.{field.name}")
            for field in fields(result)  # type: ignore[arg-type]
        },
    }
    return json.dumps(written, allow_nan=False, ensure_ascii=False)


def from_json(text: str, classes: Mapping[str, Callable[[], type]]) -> Any:
    """Read what `to_json` wrote.

    Parameters
    ----------
    text : str
    classes : dict of str to callable
        Classes that may be read, by name; called when one is needed.

    Raises
    ------
    ModelError
        The text is no such JSON, or of another format, model or fields.
    """
    try:
        written = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"this is no JSON: {error}.") from None
    if not isinstance(written, dict) or not {"format", "model", "fields"} <= set(written):
        raise ModelError("this JSON is no result written by to_json(): it lacks format, model or fields.")
    if written["format"] != FORMAT:
        raise ModelError(
            f"the result has format {written['format']!r}; this is bipstats {library_version()}, which reads "
            f"format {FORMAT}. Read it with the version that wrote it ({written.get('bipstats', 'unknown')})."
        )
    name = written["model"]
    if name not in classes:
        raise ModelError(
            f"the result is of model {name!r}, which is unknown; known are {', '.join(classes)}."
        )
    model = classes[name]()
    return _build(model, written["fields"], _Reader(_dataclasses_of(model)))


def value_to_json(value: object, where: str) -> str:
    """Write plain data (numbers, text, arrays, dates; tuples, lists, dicts and dataclasses of these) as one line.

    Raises
    ------
    ModelError
        The value is, or holds, something else; the message says where, beginning with `where`.
    """
    return json.dumps(_encode(value, where), allow_nan=False, ensure_ascii=True)


def value_from_json(text: str, kinds: Sequence[type] = ()) -> Any:
    """Read what `value_to_json` wrote; dataclasses are made of the given kinds and of those they name.

    Raises
    ------
    ModelError
        The text is no JSON, or holds something unknown.
    """
    try:
        written = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"this is no JSON: {error}.") from None
    known = {name: kind for one in kinds for name, kind in _dataclasses_of(one).items()}
    return _Reader(known).read(written)


def _encode(value: Any, where: str) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if np.isfinite(value) else {_TAG: "float", "value": repr(value)}
    if is_dataclass(value) and not isinstance(value, type):
        own = {
            field.name: _encode(getattr(value, field.name), f"{where}.{field.name}")
            for field in fields(value)
        }
        return {_TAG: type(value).__name__, "fields": own}
    for kind, encode in _ENCODERS.items():
        if isinstance(value, kind):
            return encode(value, where)
    raise ModelError(f"{where} holds {type(value).__name__}, which cannot be written as plain data.")


def _items(values: Any, where: str) -> list[Any]:
    return [_encode(value, f"{where}[{position}]") for position, value in enumerate(values)]


def _encode_array(array: np.ndarray[Any, Any], where: str) -> dict[str, Any]:
    if array.dtype.kind not in _KINDS:
        raise ModelError(f"{where} is an array of {array.dtype}, which cannot be written as plain data.")
    # The order in memory is kept: sums in another order differ in the last bit.
    order: Any = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    flat = array.ravel(order)
    values = flat.view(np.int64).tolist() if array.dtype.kind in "Mm" else flat.tolist()
    if array.dtype.kind == "f":
        values = [value if np.isfinite(value) else repr(value) for value in values]
    return {
        _TAG: "array",
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "order": order,
        "values": values,
    }


def _encode_scalar(scalar: np.generic, where: str) -> dict[str, Any]:
    return {**_encode_array(np.array(scalar), where), _TAG: "scalar"}


def _encode_dict(value: dict[Any, Any], where: str) -> dict[str, Any]:
    pairs = [
        [_encode(key, f"{where} (a key)"), _encode(item, f"{where}[{key!r}]")] for key, item in value.items()
    ]
    return {_TAG: "dict", "items": pairs}


def _encode_time(value: pd.Timestamp | pd.Timedelta, where: str) -> dict[str, Any]:
    if isinstance(value, pd.Timestamp) and value.tz is not None:
        raise ModelError(f"{where} is a time with a time zone, which cannot be written as plain data.")
    return {_TAG: type(value).__name__, "unit": value.unit, "value": int(value.to_numpy().astype(np.int64))}


def _encode_interval(value: pd.Interval, where: str) -> dict[str, Any]:
    return {_TAG: "Interval", "items": _items((value.left, value.right), where), "closed": value.closed}


def _encode_day(value: date, where: str) -> dict[str, Any]:
    return {_TAG: type(value).__name__, "value": value.isoformat()}


# In this order: a numpy scalar may be a Python number too, a Timestamp is a datetime, a datetime is a date.
_ENCODERS: dict[type, Callable[[Any, str], Any]] = {
    np.generic: _encode_scalar,
    np.ndarray: _encode_array,
    tuple: lambda value, where: {_TAG: "tuple", "items": _items(value, where)},
    list: _items,
    dict: _encode_dict,
    pd.Timestamp: _encode_time,
    pd.Timedelta: _encode_time,
    pd.Interval: _encode_interval,
    datetime: _encode_day,
    date: _encode_day,
}


class _Reader:
    """Turns tagged values back into objects; `known` are the dataclasses it may make."""

    def __init__(self, known: Mapping[str, type]) -> None:
        self._known = known

    def read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        tag = str(value.get(_TAG))
        if tag in self._known:
            return _build(self._known[tag], value.get("fields"), self)
        if tag not in _DECODERS:
            raise ModelError(f"the result holds {tag!r}, which is no kind of data that it may hold.")
        try:
            return _DECODERS[tag](value, self)
        except ModelError:  # from a part, with its own name
            raise
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ModelError(f"the result holds a damaged {tag!r}: {error}.") from None


def _build(kind: type, written: Any, reader: _Reader) -> Any:
    """Make one dataclass of exactly its fields."""
    names = {field.name for field in fields(kind)}
    found = set(written) if isinstance(written, dict) else set[str]()
    if found != names:
        unknown, lost = ", ".join(sorted(found - names)), ", ".join(sorted(names - found))
        raise ModelError(
            f"the fields of {kind.__name__} are not those of this version"
            + (f"; unknown: {unknown}" if unknown else "")
            + (f"; missing: {lost}" if lost else "")
            + "."
        )
    return kind(**{name: reader.read(value) for name, value in written.items()})


def _decode_array(value: dict[str, Any], reader: _Reader) -> np.ndarray[Any, Any]:
    dtype = np.dtype(value["dtype"])
    if dtype.kind not in _KINDS or value["order"] not in ("C", "F"):
        raise ValueError(f"dtype {dtype} in order {value['order']!r}")
    values = value["values"]
    if dtype.kind in "Mm":
        array = np.array(values, np.int64).view(dtype)
    elif dtype.kind == "f":
        array = np.array([_UNBOUND[item] if isinstance(item, str) else item for item in values], dtype)
    else:
        array = np.array(values, dtype)
    return array.reshape(value["shape"], order=value["order"])


def _decode_time(value: dict[str, Any], reader: _Reader) -> Any:
    kind = np.datetime64 if value[_TAG] == "Timestamp" else np.timedelta64
    return getattr(pd, value[_TAG])(kind(value["value"], value["unit"]))


def _decode_interval(value: dict[str, Any], reader: _Reader) -> Any:
    left, right = reader.read(value["items"])
    return pd.Interval(left, right, value["closed"])


_DECODERS: dict[str, Callable[[dict[str, Any], _Reader], Any]] = {
    "float": lambda value, reader: _UNBOUND[value["value"]],
    "array": _decode_array,
    "scalar": lambda value, reader: _decode_array(value, reader)[()],
    "tuple": lambda value, reader: tuple(reader.read(value["items"])),
    "dict": lambda value, reader: {reader.read(key): reader.read(item) for key, item in value["items"]},
    "Timestamp": _decode_time,
    "Timedelta": _decode_time,
    "Interval": _decode_interval,
    "datetime": lambda value, reader: datetime.fromisoformat(value["value"]),
    "date": lambda value, reader: date.fromisoformat(value["value"]),
}


def _is_own(kind: Any) -> bool:
    """Whether a type is a dataclass, and no generic one (dict[str, Factor] says yes to isinstance(kind, type))."""
    return is_dataclass(kind) and not typing.get_args(kind)


def _dataclasses_of(kind: type) -> dict[str, type]:
    """Dataclasses that the annotations of a dataclass name, and theirs, by name."""
    found: dict[str, type] = {}
    waiting: list[Any] = [kind]
    while waiting:
        current = waiting.pop()
        waiting += [item for item in typing.get_args(current) if not isinstance(item, str)]
        if isinstance(current, type) and _is_own(current) and current.__name__ not in found:
            found[current.__name__] = current
            hints = typing.get_type_hints(current)
            waiting += [hints[field.name] for field in fields(current)]
    return found
