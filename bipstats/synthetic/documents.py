"""TOML documents to the arguments of `Truth`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from bipstats.errors import OptionError


def arguments(
    file: str, content: dict[str, Any], texts: dict[str, str], sections: dict[str, Any], *, partial: bool
) -> dict[str, Any]:
    """Turn a document into arguments; a partial one takes what it lacks from `texts` and `sections`.

    Raises
    ------
    OptionError
        For unknown and missing keys, all at once.
    """
    found = [f"{key}: unknown" for key in content if key not in {*texts, *sections}]
    found += [f"{key}: missing" for key in texts if key not in content and not partial]
    made: dict[str, Any] = {key: content.get(key, value) for key, value in texts.items()}
    for where, section in sections.items():
        values = content.get(where, {})
        if not isinstance(values, dict):
            found.append(f"{where}: must be a table of parameters")
            continue
        known = {item.name: getattr(section, item.name) for item in fields(section)}
        found += [f"{where}.{key}: unknown" for key in values if key not in known]
        found += [f"{where}.{key}: missing" for key in known if key not in values and not partial]
        read = {key: typed(values.get(key, default), default) for key, default in known.items()}
        made[where] = type(section)(**read)
    if found:
        raise OptionError(listed(file, found) + '\nWith a line base = "E2" a file may hold differences only.')
    return made


def typed(value: Any, default: Any) -> Any:
    """Turn lists into tuples, and whole numbers into floats where floats are meant."""
    if isinstance(value, list):
        return tuple(float(x) if isinstance(x, int) and not isinstance(x, bool) else x for x in value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def listed(what: str, found: list[str]) -> str:
    """Give all problems as one message."""
    lines = "\n".join(f"  {text}" for text in found)
    return f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:\n{lines}"
