"""The TOML form of a truth: one table per section, each parameter under a comment that explains it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from bipstats.errors import OptionError


def parse(path: Path) -> dict[str, Any]:
    """Read a TOML document; `OptionError` if it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path.name} is not readable as TOML: {error}.") from error


def render(
    texts: dict[str, str], sections: dict[str, Any], status: Callable[[str, Field[Any], Any], str]
) -> str:
    """Write the document: texts first, then a table per section; `status` says what kind of number a value is."""
    lines = [f"{key} = {_literal(value)}" for key, value in texts.items()]
    for name, section in sections.items():
        lines += ["", f"[{name}]"]
        for item in fields(section):
            value, about = getattr(section, item.name), item.metadata
            lines.append(f"# {about['meaning']} [{about['unit']}; {status(name, item, value)}]")
            lines.append(f"{item.name} = {_literal(value)}")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """Write one value as TOML; `repr` of a float is the shortest text that reads back equal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)
