"""`Truth`: everything the generator needs to know, as one frozen value with a TOML form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bipstats.errors import OptionError
from bipstats.synthetic import sections as parts
from bipstats.synthetic.parameters import problems
from bipstats.synthetic.toml import parse, render

if TYPE_CHECKING:
    import pandas as pd

WORLDS = ("E2", "N2", "H", "F", "S", "RTM")
_TEXTS = ("name", "statement", "bias")
_E2_STATEMENT = (
    "The caseworker's belief is a cause and caseworkers differ: "
    "a choice that the published figures cannot settle."
)
_E2_BIAS = (
    "Noise in the answers biases the reference analysis both ways; "
    "its hazard ratio of 1.33 stands for a true 1.46."
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true in a synthetic study.

    Parameters
    ----------
    name : str
    statement : str
        The truth in one line.
    bias : str
        What the reference analyses make of it, in one line.
    calendar, background, centres, readiness, answers, belief, hazard, exits, caseworkers, switches,
    interventions, measurement
        Sections of parameters, frozen dataclasses of `bipstats.synthetic.sections`.

    Raises
    ------
    OptionError
        If parameters break their rules; one error names all of them.

    Notes
    -----
    Without arguments: world E2, in which belief is a cause. The published figures cannot tell it from the
    other worlds of `scenarios`; it is a choice. Change a parameter with `dataclasses.replace`, or write the
    truth to TOML, edit it and read it back.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bipstats as bip
    >>> truth = bip.Truth()
    >>> truth.hazard.belief
    0.376
    >>> weaker = replace(truth, name="weaker", hazard=replace(truth.hazard, belief=0.1))
    """

    name: str = "E2"
    statement: str = _E2_STATEMENT
    bias: str = _E2_BIAS
    calendar: parts.Calendar = field(default_factory=parts.Calendar)
    background: parts.Background = field(default_factory=parts.Background)
    centres: parts.Centres = field(default_factory=parts.Centres)
    readiness: parts.Readiness = field(default_factory=parts.Readiness)
    answers: parts.Answers = field(default_factory=parts.Answers)
    belief: parts.Belief = field(default_factory=parts.Belief)
    hazard: parts.Hazard = field(default_factory=parts.Hazard)
    exits: parts.Exits = field(default_factory=parts.Exits)
    caseworkers: parts.Caseworkers = field(default_factory=parts.Caseworkers)
    switches: parts.Switches = field(default_factory=parts.Switches)
    interventions: parts.Interventions = field(default_factory=parts.Interventions)
    measurement: parts.Measurement = field(default_factory=parts.Measurement)

    def __post_init__(self) -> None:
        found = [text for name, section in self.sections().items() for text in problems(section, name)]
        found = found or list(_relations(self))
        if found:
            raise OptionError(_listed(f"Truth {self.name!r}", found))

    def __repr__(self) -> str:
        return f"Truth({self.name!r}: {self.statement})"

    def sections(self) -> dict[str, Any]:
        """Give the sections by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _TEXTS}

    def parameters(self) -> pd.DataFrame:
        """Give every parameter: ``section, name, value, unit, status, meaning``.

        Examples
        --------
        >>> import bipstats as bip
        >>> bip.Truth().parameters().query("name == 'half_life'").iloc[0]["unit"]
        'quarters'
        """
        import pandas as pd

        rows = [
            (where, item.name, getattr(section, item.name), *(item.metadata[key] for key in _METADATA))
            for where, section in self.sections().items()
            for item in fields(section)
        ]
        return pd.DataFrame(rows, columns=["section", "name", "value", *_METADATA])

    def to_toml(self, path: str | PathLike[str]) -> None:
        """Write all parameters to a TOML file, each with its meaning, unit and status."""
        texts = {key: getattr(self, key) for key in _TEXTS}
        Path(path).write_text(render(texts, self.sections()), encoding="utf-8", newline="\n")

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Truth:
        """Read a truth from a TOML file as `to_toml` writes it.

        Parameters
        ----------
        path : path
            With a line ``base = "E2"`` (or another world of `scenarios`) the file may hold differences
            only; without it every parameter must be there.

        Returns
        -------
        Truth

        Raises
        ------
        OptionError
            If the file is not TOML, has unknown keys or lacks some, or parameters break their rules; one
            error names all that is wrong.
        """
        path = Path(path)
        content = parse(path)
        base = content.pop("base", None)
        if base is not None and base not in WORLDS:
            raise OptionError(
                f"{path.name}: base = {base!r} is not a world; choose one of {', '.join(WORLDS)}."
            )
        return cls(**_arguments(path.name, content, scenarios()[base] if base else None))


_METADATA = ("unit", "status", "meaning")


def scenarios() -> Mapping[str, Truth]:
    """Give the ready truths by name: six worlds in which the published figures hold.

    Returns
    -------
    mapping of str to Truth
        ``E2`` (the default; belief is a cause, caseworkers differ), ``N2`` (caseworkers hardly differ),
        ``H`` (half cause, half forecast), ``F`` (forecast, with the caseworker's style), ``S`` (forecast,
        with sorting) and ``RTM`` (interventions without effect; classes follow momentary lows). Each has
        its `statement` and its `bias`.

    Notes
    -----
    E2, H and F agree in every published figure: only an experiment that moves belief separates them.

    Examples
    --------
    >>> import bipstats as bip
    >>> list(bip.scenarios())
    ['E2', 'N2', 'H', 'F', 'S', 'RTM']
    >>> bip.scenarios()["F"].hazard.belief
    0.0
    """
    return MappingProxyType({name: _world(name) for name in WORLDS})


@cache
def _world(name: str) -> Truth:
    """Read one packaged world: its differences from E2."""
    if name == "E2":
        return Truth()
    with resources.as_file(resources.files("bipstats.synthetic") / "worlds" / f"{name}.toml") as path:
        content = parse(path)
    content.pop("base")
    return Truth(**_arguments(f"{name}.toml", content, Truth()))


def _arguments(file: str, content: dict[str, Any], base: Truth | None) -> dict[str, Any]:
    """Turn a TOML document into the arguments of `Truth`; missing keys come from `base`, if there is one."""
    model = base or Truth()
    sections = model.sections()
    found = [f"{key}: unknown" for key in content if key not in {*_TEXTS, *sections}]
    found += [f"{key}: missing" for key in _TEXTS if key not in content and base is None]
    arguments: dict[str, Any] = {key: content.get(key, getattr(model, key)) for key in _TEXTS}
    found += [f"{key}: must be a text" for key in _TEXTS if not isinstance(arguments[key], str)]
    for where, section in sections.items():
        values = content.get(where, {})
        if not isinstance(values, dict):
            found.append(f"{where}: must be a table of parameters")
            continue
        known = {item.name: getattr(section, item.name) for item in fields(section)}
        found += [f"{where}.{key}: unknown" for key in values if key not in known]
        found += [f"{where}.{key}: missing" for key in known if key not in values and base is None]
        read = {key: _typed(values.get(key, default), default) for key, default in known.items()}
        arguments[where] = type(section)(**read)
    if found:
        raise OptionError(
            _listed(file, found) + '\nWith a line base = "E2" a file may hold differences only.'
        )
    return arguments


def _typed(value: Any, default: Any) -> Any:
    """Turn TOML's arrays into tuples and its whole numbers into floats where floats are meant."""
    if isinstance(value, list):
        return tuple(float(x) if isinstance(x, int) and not isinstance(x, bool) else x for x in value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _relations(truth: Truth) -> list[str]:
    """Say which parameters contradict each other."""
    calendar, answers = truth.calendar, truth.answers
    found = []
    if not calendar.entry_first < calendar.entry_main <= calendar.entry_last < calendar.weeks - 4:
        found.append("calendar: entry_first < entry_main <= entry_last < weeks - 4 must hold")
    if answers.readiness_share + answers.trait_share > 1:
        found.append("answers: readiness_share + trait_share must not exceed 1")
    if answers.null_readiness_share > answers.readiness_share:
        found.append("answers: null_readiness_share must not exceed readiness_share")
    return found


def _listed(what: str, found: list[str]) -> str:
    lines = "\n".join(f"  {text}" for text in found)
    return f"{what} has {len(found)} problem{'s' * (len(found) > 1)}:\n{lines}"
