"""Register codes to week states, and week states to exits: a TOML file that the user may replace."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bipstats.errors import OptionError

_EXITS = ("", "pension", "death", "emigration", "other")
_RULES = ("job", "self_support")  # blank benefit with and without an industry code
_OUTCOMES = ("job", "education")
_FILE_KEYS = frozenset({"status", "source", "states"})
_STATE_KEYS = frozenset({"codes", "rule", "exit", "label"})
_STATUSES = ("published", "derived", "assumed")


@dataclass(frozen=True, slots=True)
class DreamCodes:
    """What each register code means; made by `dream`.

    Attributes
    ----------
    states : mapping of int to str
        Three-digit code -> state. A code that is absent is unknown, never a state by default.
    exits : mapping of str to str
        State -> ``""`` (stays at risk), ``"pension"``, ``"death"``, ``"emigration"`` or ``"other"``. Holds
        every state, those by rule (``job``, ``self_support``) included, in the order of the file.
    status : {"assumed", "published", "derived"}
    source : str

    Examples
    --------
    >>> import bipstats as bip
    >>> codes = bip.codebook.dream()
    >>> codes.states[783], codes.exits["disability_pension"]
    ('disability_pension', 'pension')
    >>> codes.status
    'assumed'
    """

    states: Mapping[int, str]
    exits: Mapping[str, str]
    status: str
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """All states, in the order of the file."""
        return tuple(self.exits)

    def to_toml(self) -> str:
        """Give the file that `dream` reads as these codes."""
        lines = [f"status = {_quoted(self.status)}", f"source = {_quoted(self.source)}"]
        for name, exit in self.exits.items():
            codes = [code for code, state in self.states.items() if state == name]
            lines += ["", f"[states.{_quoted(name)}]", f"exit = {_quoted(exit)}"]
            lines += [f"codes = {codes}"] if codes else []
        return "\n".join(lines) + "\n"

    def __reduce__(self) -> tuple[Any, ...]:
        return _codes, (dict(self.states), dict(self.exits), self.status, self.source)


def _quoted(text: str) -> str:
    """A basic string of TOML; JSON escapes alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _codes(states: dict[int, str], exits: dict[str, str], status: str, source: str) -> DreamCodes:
    return DreamCodes(MappingProxyType(states), MappingProxyType(exits), status, source)


def dream(path: str | PathLike[str] | None = None) -> DreamCodes:
    """Give the meaning of the register's codes, ours or the user's.

    Parameters
    ----------
    path : path, optional
        A TOML file laid out as ``codebook/dream.toml``; without it, that file.

    Returns
    -------
    DreamCodes

    Raises
    ------
    OptionError
        If the file cannot be read, has unknown keys, unreadable or overlapping codes, unknown exits, or lacks
        one of the states ``job``, ``self_support`` and ``education``; one error names all that is wrong.

    Notes
    -----
    ``job`` (blank benefit, industry code present) and ``self_support`` (both blank) are rules of the
    register and carry no codes. The outcomes ``job`` and ``education`` cannot be exits of another kind.
    The map we ship is assumed: no authoritative list of the codes was readable.

    Examples
    --------
    >>> from bipstats import codebook
    >>> codes = codebook.dream()
    >>> codes.states[999], codes.exits["dead"], codes.status
    ('dead', 'death', 'assumed')
    """
    return _shipped() if path is None else _read(Path(path))


@cache
def _shipped() -> DreamCodes:
    with resources.as_file(resources.files("bipstats.codebook") / "dream.toml") as path:
        return _read(path)


def _read(path: Path) -> DreamCodes:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        said = f"the benefit codes {path} cannot be read ({type(error).__name__})"
        raise OptionError(f"{said}; give codes= the path of a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path.name} is not readable as TOML: {error}.") from error
    problems = [*_file_problems(content), *_state_problems(content), *_overlaps(content)]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise OptionError(
            f"{path.name} has {len(problems)} problem{'s' * (len(problems) > 1)}:\n{listed}\n"
            "The layout is that of bipstats/codebook/dream.toml."
        )
    states = {code: name for name, state in content["states"].items() for code in _expand(state)}
    exits = {name: state["exit"] for name, state in content["states"].items()}
    return _codes(states, exits, content["status"], content["source"])


def _file_problems(content: dict[str, Any]) -> Iterator[str]:
    """Problems of the file as a whole."""
    for key in sorted(set(content) - _FILE_KEYS):
        yield f"{key}: unknown key; known are {', '.join(sorted(_FILE_KEYS))}"
    if content.get("status") not in _STATUSES:
        yield f"status: {content.get('status')!r} is not one of {', '.join(_STATUSES)}"
    if not content.get("source"):
        yield "source: missing; say where the codes come from"
    for name in ("job", "self_support", "education"):
        if name not in _states(content):
            yield f"states.{name}: missing"


def _states(content: dict[str, Any]) -> dict[str, Any]:
    """The states of a file that may be malformed."""
    states = content.get("states")
    return states if isinstance(states, dict) else {}


def _state_problems(content: dict[str, Any]) -> Iterator[str]:
    """Problems of single states."""
    for name, state in _states(content).items():
        where = f"states.{name}"
        if not isinstance(state, dict):
            yield f"{where}: must be a table with codes and exit"
            continue
        for key in sorted(set(state) - _STATE_KEYS):
            yield f"{where}.{key}: unknown key; known are {', '.join(sorted(_STATE_KEYS))}"
        if name in _RULES and "codes" in state:
            yield f"{where}.codes: {name} is a rule (blank benefit) and has no codes"
        if name not in _RULES and not state.get("codes"):
            yield f'{where}.codes: missing; give numbers or ranges such as "130-138"'
        allowed = ("",) if name in _OUTCOMES else _EXITS
        if state.get("exit") not in allowed:
            yield f"{where}.exit: {state.get('exit')!r} is not one of {', '.join(map(repr, allowed))}"
        yield from (f"{where}.codes: {item!r} is no code" for item in _unreadable(state))


def _items(state: Any) -> list[Any]:
    """The entries of ``codes``, whatever was written there."""
    codes = state.get("codes", []) if isinstance(state, dict) else []
    return codes if isinstance(codes, list) else [codes]


def _range(item: Any) -> range | None:
    """The codes that one entry stands for, or None if it stands for none."""
    first, dash, last = str(item).partition("-")
    if isinstance(item, bool) or not first.isdecimal() or (dash and not last.isdecimal()):
        return None
    codes = range(int(first), int(last or first) + 1)
    return codes if codes and codes[0] >= 100 and codes[-1] <= 999 else None


def _unreadable(state: Any) -> list[Any]:
    return [item for item in _items(state) if _range(item) is None]


def _expand(state: Any) -> Iterator[int]:
    """Every code of a state, those unreadable left to `_unreadable`."""
    for item in _items(state):
        yield from _range(item) or ()


def _overlaps(content: dict[str, Any]) -> Iterator[str]:
    """Codes claimed more than once, said once for each group of claimants."""
    owners = defaultdict(list)
    for name, state in _states(content).items():
        for code in _expand(state):
            owners[code].append(name)
    shared = defaultdict(list)
    for code, names in sorted(owners.items()):
        if len(names) > 1:
            shared[tuple(names)].append(str(code))
    for claimants, codes in shared.items():
        yield f"codes {', '.join(codes)}: in {' and in '.join(claimants)}; a code has one state"
