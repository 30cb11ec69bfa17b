"""Solved parameters and Jacobians in the files of the project."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bipstats.calibration.jacobian import Jacobian
from bipstats.calibration.targets import fingerprint
from bipstats.errors import OptionError
from bipstats.synthetic.truth import Truth

_HEAD = """\
# Derivatives of the calibrated moments in the parameters, per unit of the parameter, at the packaged worlds.
# Made by: python -m bipstats.calibration jacobian --world {world} --clients {clients} --seeds {seeds}
# Central differences over two typical steps with common random numbers; errors over the seeds. Do not edit by hand.
"""


def world_path(world: str) -> Path:
    """Path of the file with a world's parameters: the defaults of E2 stand in the sections."""
    folder = Path(str(resources.files("bipstats.synthetic")))
    return folder / "sections.py" if world == "E2" else folder / "worlds" / f"{world}.toml"


def changes(before: Truth, after: Truth) -> dict[tuple[str, str], Any]:
    """Give the parameters in which two truths differ, by section and name."""
    found = {}
    for where, section in after.sections().items():
        old = getattr(before, where)
        for item in fields(section):
            value = getattr(section, item.name)
            if value != getattr(old, item.name):
                found[where, item.name] = value
    return found


def rewrite(text: str, world: str, changed: dict[tuple[str, str], Any]) -> str:
    """Put new values in the text of a world's file, leaving all else as it is."""
    for (where, name), value in changed.items():
        replace = _in_sections if world == "E2" else _in_toml
        text = replace(text, where, name, value)
    return text


def _in_sections(text: str, where: str, name: str, value: Any) -> str:
    """Change a default in the class of a section."""
    begin = re.search(rf"^class {where.capitalize()}:", text, flags=re.M)
    if begin is None:
        raise OptionError(f"the sections have no class {where.capitalize()}")
    head, body = text[: begin.end()], text[begin.end() :]
    number = r"(?:\([^()]*\)|[^,()]+)"
    made, count = re.subn(
        rf"^(    {name}: [^=\n]+= par\(\s*){number}", lambda m: m[1] + repr(value), body, count=1, flags=re.M
    )
    if not count:
        raise OptionError(f"{where}.{name} stands nowhere in the sections")
    return head + made


def _in_toml(text: str, where: str, name: str, value: Any) -> str:
    """Change or add a line in a table of a TOML file."""
    literal = f"{name} = {list(value) if isinstance(value, tuple) else value!r}"
    table = re.search(rf"^\[{where}\]\n((?:[^\[\n].*\n|\n(?!\[))*)", text, flags=re.M)
    if table is None:
        return text.rstrip("\n") + f"\n\n[{where}]\n{literal}\n"
    body = table[1]
    made, count = re.subn(rf"^{name} = .*$", lambda _: literal, body, count=1, flags=re.M)
    made = made if count else body.rstrip("\n") + f"\n{literal}\n" + "\n" * (body.endswith("\n\n"))
    return text[: table.start(1)] + made + text[table.end(1) :]


def jacobian_path() -> Path:
    """Path of the committed Jacobians."""
    return Path(str(resources.files("bipstats.calibration") / "jacobian.toml"))


def jacobian_toml(found: Jacobian, spread: pd.Series, clients: int, seeds: int) -> str:
    """Write a Jacobian, and the spread of the solved parameters (`Jacobian.spread`), as TOML."""

    def row(values: np.ndarray) -> str:
        return "[" + ", ".join(f"{value:.5g}" if np.isfinite(value) else "nan" for value in values) + "]"

    def names(values: tuple[str, ...]) -> str:
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"

    lines = [
        _HEAD.format(world=found.world, clients=clients, seeds=seeds),
        f'fingerprint = "{fingerprint()}"',
        f'world = "{found.world}"',
        f"solved = {found.solved}",
        f"moments = {names(found.moments)}",
        f"parameters = {names(found.parameters)}",
        f"steps = {row(found.steps)}",
        f"spread = {row(spread.to_numpy())}",
    ]
    for key, matrix in (("slopes", found.slopes), ("errors", found.errors)):
        lines.append(f"{key} = [\n" + "".join(f"  {row(values)},\n" for values in matrix) + "]")
    return "\n".join(lines) + "\n"


def read_spread(path: Path | None = None) -> pd.Series:
    """Read the standard deviations that solved parameters would have if one study were the data."""
    made = tomllib.loads((path or jacobian_path()).read_text(encoding="utf-8"))
    return pd.Series(made["spread"], index=made["parameters"][: made["solved"]])


def read_jacobian(path: Path | None = None) -> Jacobian:
    """Read a Jacobian that `jacobian_toml` wrote."""
    made = tomllib.loads((path or jacobian_path()).read_text(encoding="utf-8"))
    return Jacobian(
        made["world"],
        tuple(made["moments"]),
        tuple(made["parameters"]),
        np.array(made["steps"]),
        np.array(made["slopes"]),
        np.array(made["errors"]),
        made["solved"],
    )
