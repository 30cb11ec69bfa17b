"""The instrument: change, an index of readiness, two raters, reliability, one person's profile.

Public names are loaded on first use. A module here must not have the name of a public function: importing it would
put the module in the function's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> module of this room that defines it.
_NAMES: dict[str, str] = {
    "agreement": "two_raters",
    "change": "changes",
    "icc": "intraclass",
    "invariance": "same_scale",
    "instrument": "instruments",
    "profile": "person",
    "readiness": "index",
    "short_scale": "few_items",
    "unit_summary": "unit",
    "reliability": "scale",
    "weighted_kappa": "kappa",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
