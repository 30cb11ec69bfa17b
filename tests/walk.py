"""Walks: through every class and signature of the library, and through what an object holds, in search of rows."""

from __future__ import annotations

import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pyarrow.dataset import Dataset

import bipstats as bip


def modules() -> Iterator[ModuleType]:
    """Every module of the library."""
    for found in pkgutil.walk_packages(bip.__path__, "bipstats."):
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


@cache
def classes() -> frozenset[type]:
    """Every class that the library defines."""
    return frozenset(
        value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    )


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a function, those that are imported for type checkers only too."""
    return typing.get_type_hints(function, localns={**_names(), **function.__globals__})


@cache
def _names() -> dict[str, Any]:
    """Every name of every module; those of types may be imported for type checkers only."""
    found: dict[str, Any] = {"Axes": Axes, "Dataset": Dataset, "Figure": Figure}
    for module in modules():
        found |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return found


def literal(annotation: Any) -> tuple[Any, ...]:
    """Choices of the Literals within an annotation."""
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return tuple(choice for part in typing.get_args(annotation) for choice in literal(part))


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    """Public methods of a class, inherited ones too."""
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {name: method for name, method in found.items() if inspect.isfunction(method)}


def options(function: Callable[..., Any]) -> dict[str, Any]:
    """A wrong value of every argument that has named choices or is a confidence level."""
    known, parameters = hints(function), inspect.signature(function).parameters
    wrong: dict[str, Any] = {name: "none such" for name in parameters if literal(known.get(name))}
    return wrong | ({"level": 95} if "level" in parameters else {})


def refuses_options(result: Any, given: dict[str, Any]) -> int:
    """Call every method with every option wrong, and with an unknown argument; `given` has those without default."""
    asked = 0
    for name, method in methods(type(result)).items():
        parameters = list(inspect.signature(method).parameters.values())[1:]
        first = {argument: literal(kind)[0] for argument, kind in hints(method).items() if literal(kind)}
        needed = {
            one.name: {**first, **given}.get(one.name) for one in parameters if one.default is one.empty
        }
        for argument, value in options(method).items():
            with pytest.raises(bip.OptionError, match=rf"^{argument}={value!r}"):
                getattr(result, name)(**{**needed, argument: value})
            asked += 1
        with pytest.raises(TypeError, match="unexpected keyword argument 'no_such'"):
            getattr(result, name)(**needed, no_such=1)
    return asked


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
        inner = {str(name): value[name] for name in value} | {"index": value.index}
    elif isinstance(value, pd.Series | pd.Index):
        inner = {"values": value.to_numpy()}
    elif isinstance(value, np.ndarray):
        inner = {"values": value.tolist()} if value.dtype == object else {}
        inner |= {} if value.base is None else {"base": value.base}
    else:
        inner = {}
    for name, item in inner.items():
        yield from parts(item, f"{where}.{name}")


def findings(value: Any, data: pd.DataFrame, longest: int) -> list[str]:
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
