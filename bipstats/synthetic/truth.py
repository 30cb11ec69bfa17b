"""`Truth`: everything the generator needs to know, as one frozen value with a TOML form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from dataclasses import replace as with_fields
from difflib import get_close_matches
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bipstats.errors import OptionError
from bipstats.synthetic import knobs
from bipstats.synthetic import sections as parts
from bipstats.synthetic.documents import arguments, listed, typed
from bipstats.synthetic.parameters import problems
from bipstats.synthetic.toml import parse, render

if TYPE_CHECKING:
    import pandas as pd

WORLDS = ("E2", "N2", "H", "F", "S", "RTM")
"""Worlds calibrated to the published figures."""
LESSONS = ("trouble", "dropout", "training_E2", "training_F")
"""Worlds made from these by turning knobs, and not calibrated again."""
_TEXTS = ("name", "statement", "bias", "design")
_E2_STATEMENT = (
    "The caseworker's belief is a cause and caseworkers differ: "
    "a choice that the published figures cannot settle."
)
_E2_BIAS = (
    "Noise in the answers biases the reference analysis both ways: in large studies its hazard ratio is 1.32 (error"
    " of its log .010), where the truth is 1.50."
)
_E2_DESIGN = (
    "Train a random half of the caseworkers to believe more: the log hazard of entry rises by .24 (.01), which is "
    "found with a power of .73 (.04) by 4,000 clients and of .8 by about 5,600; in F it does not rise."
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
    design : str
        What would tell it from the truths that look alike, and the size that takes.
    calendar, background, centres, readiness, answers, belief, hazard, exits, caseworkers, switches,
    interventions, measurement
        Sections of parameters, frozen dataclasses of `bipstats.synthetic.sections`.
    period, recurrence, reactivity, instrument, training
        Sections that are off by default, of `bipstats.synthetic.knobs`.

    Raises
    ------
    OptionError
        If parameters break their rules or contradict each other; one error names all that is wrong.

    Notes
    -----
    Without arguments: world E2, in which belief is a cause. The published figures cannot tell it from the
    other worlds of `scenarios`; it is a choice. Change parameters with `replace`, or write the truth to TOML,
    edit it and read it back.

    Examples
    --------
    >>> import bipstats as bip
    >>> truth = bip.Truth()
    >>> truth.hazard.belief
    0.4023
    >>> truth.replace({"hazard.belief": 0.1, "name": "weaker"})
    Truth('weaker': World E2 with hazard.belief = 0.1.)
    """

    name: str = "E2"
    statement: str = _E2_STATEMENT
    bias: str = _E2_BIAS
    design: str = _E2_DESIGN
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
    period: knobs.Period = field(default_factory=knobs.Period)
    recurrence: knobs.Recurrence = field(default_factory=knobs.Recurrence)
    reactivity: knobs.Reactivity = field(default_factory=knobs.Reactivity)
    instrument: knobs.Instrument = field(default_factory=knobs.Instrument)
    training: knobs.Training = field(default_factory=knobs.Training)

    def __post_init__(self) -> None:
        found = list(_impossible(self))
        if found:
            raise OptionError(listed(f"Truth {self.name!r}", found))

    def __repr__(self) -> str:
        return f"Truth({self.name!r}: {self.statement})"

    def texts(self) -> dict[str, str]:
        """Give name, statement, bias and design."""
        return {key: getattr(self, key) for key in _TEXTS}

    def sections(self) -> dict[str, Any]:
        """Give the sections by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _TEXTS}

    def parameters(self) -> pd.DataFrame:
        """Give every parameter: ``section, name, value, unit, status, meaning``.

        Returns
        -------
        DataFrame
            The status is ``published`` (a source says it), ``derived`` (it follows from published figures by
            arithmetic), ``calibrated to ...`` (chosen so that this figure comes out) or ``assumed``. It is that
            of the value: one that no packaged world has is ``assumed``, whatever it was before.

        Examples
        --------
        >>> import bipstats as bip
        >>> bip.Truth().parameters().query("name == 'half_life'").iloc[0]["unit"]
        'quarters'
        >>> changed = bip.Truth().replace({"hazard.belief": 0.1}).parameters()
        >>> changed.query("section == 'hazard' and name == 'belief'").iloc[0]["status"]
        'assumed (0.4023 in E2)'
        """
        import pandas as pd

        rows = [
            (
                where,
                item.name,
                value,
                item.metadata["unit"],
                self._status(where, item, value),
                item.metadata["meaning"],
            )
            for where, section in self.sections().items()
            for item in fields(section)
            for value in [getattr(section, item.name)]
        ]
        return pd.DataFrame(rows, columns=["section", "name", "value", "unit", "status", "meaning"])

    def replace(self, changes: Mapping[str, Any]) -> Truth:
        """Give a truth with some parameters changed.

        Parameters
        ----------
        changes : mapping of str to value
            Parameters as ``"section.name"``; ``"name"``, ``"statement"``, ``"bias"`` and ``"design"`` for the
            texts. Lists are read as tuples.

        Returns
        -------
        Truth
            Texts that are not given do not pretend to know: the name says that the world was changed, and the
            statement by what.

        Raises
        ------
        OptionError
            For parameters that do not exist and values that break their rules, all at once.

        Examples
        --------
        >>> import bipstats as bip
        >>> bip.scenarios()["F"].replace({"training.clients": 0.5})
        Truth('F, changed': World F with training.clients = 0.5.)
        """
        sections = self.sections()
        known = {f"{where}.{item.name}" for where, part in sections.items() for item in fields(part)}
        unknown = [key for key in changes if key not in known and key not in _TEXTS]
        if unknown:
            raise OptionError(listed("changes=", [_unknown(key, known) for key in unknown]))
        values: dict[str, dict[str, Any]] = {}
        for key in known.intersection(changes):
            where, name = key.split(".")
            values.setdefault(where, {})[name] = typed(changes[key], getattr(sections[where], name))
        made = {where: with_fields(sections[where], **changed) for where, changed in values.items()}
        said = ", ".join(f"{key} = {changes[key]!r}" for key in changes if key in known)
        texts = {"name": f"{self.name}, changed", "statement": f"World {self.name} with {said}."}
        texts |= {"bias": "Not measured.", "design": "Not described."}
        texts = (texts if made else {}) | {key: changes[key] for key in _TEXTS if key in changes}
        arguments: dict[str, Any] = {**texts, **made}
        return with_fields(self, **arguments)

    def _status(self, where: str, item: Field[Any], value: Any) -> str:
        """Say whether a value is published, derived, calibrated (to what) or assumed."""
        if value == item.default:
            return str(item.metadata["status"])
        for name in sorted(WORLDS[1:], key=lambda world: world != self.name):  # its own world first
            if value == getattr(getattr(_world(name), where), item.name):
                known = _STATUSES.get((name, f"{where}.{item.name}"), item.metadata["status"])
                return f"{known} (world {name})"
        return f"assumed ({item.default!r} in E2)"

    def to_toml(self, path: str | PathLike[str]) -> None:
        """Write all parameters to a TOML file, each with its meaning, unit and status."""
        text = render(self.texts(), self.sections(), self._status)
        Path(path).write_text(text, encoding="utf-8", newline="\n")

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
        if base is not None and base not in (*WORLDS, *LESSONS):
            known = ", ".join((*WORLDS, *LESSONS))
            raise OptionError(f"{path.name}: base = {base!r} is not a world; choose one of {known}.")
        return _read(path.name, content, _world(base) if base else Truth(), partial=base is not None)


def scenarios() -> Mapping[str, Truth]:
    """Give the ready truths by name.

    Returns
    -------
    mapping of str to Truth
        Six worlds in which the published figures hold: ``E2`` (the default; belief is a cause, caseworkers
        differ), ``N2`` (caseworkers hardly differ), ``H`` (half cause, half forecast), ``F`` (forecast, with the
        caseworker's style), ``S`` (forecast, with sorting) and ``RTM`` (interventions without effect; classes
        follow momentary lows). Four lessons made from them by turning knobs: ``trouble`` (switches happen to
        clients with poor prospects and do nothing), ``dropout`` (who is in a low is not measured again),
        ``training_E2`` and ``training_F`` (a randomised training of belief, where belief is a cause and where it
        is a forecast). Each says what is true (`Truth.statement`), what the reference analyses make of it
        (`Truth.bias`) and what would tell it from the others (`Truth.design`).

    Notes
    -----
    E2, H and F agree in every published figure: only an experiment that moves belief separates them. The lessons
    are not calibrated again; published figures hold in them about as well as in the world that they are made from,
    but for what the lesson is about.

    Examples
    --------
    >>> import bipstats as bip
    >>> list(bip.scenarios())
    ['E2', 'N2', 'H', 'F', 'S', 'RTM', 'trouble', 'dropout', 'training_E2', 'training_F']
    >>> bip.scenarios()["F"].hazard.belief
    0.0
    """
    return MappingProxyType({name: _world(name) for name in (*WORLDS, *LESSONS)})


@cache
def _world(name: str) -> Truth:
    """Read one packaged world: its differences from another."""
    if name == "E2":
        return Truth()
    with resources.as_file(resources.files("bipstats.synthetic") / "worlds" / f"{name}.toml") as path:
        content = parse(path)
    return _read(f"{name}.toml", content, _world(content.pop("base")), partial=True)


def _read(file: str, content: dict[str, Any], model: Truth, *, partial: bool) -> Truth:
    return Truth(**arguments(file, content, model.texts(), model.sections(), partial=partial))


def _unknown(key: str, known: set[str]) -> str:
    near = get_close_matches(key, sorted(known), n=2) or sorted(k for k in known if k.endswith(f".{key}"))
    return f"{key}: unknown" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _impossible(truth: Truth) -> Iterator[str]:
    """Say everything that is wrong with a truth."""
    # Imported here: the relations read the truth's own sections.
    from bipstats.synthetic.relations import contradictions

    for key, value in truth.texts().items():
        if not isinstance(value, str):
            yield f"{key}: must be a text"
    broken = set()
    for item in fields(truth):
        section = getattr(truth, item.name)
        if item.name in _TEXTS:
            continue
        if not isinstance(section, item.default_factory):  # type: ignore[arg-type]
            broken.add(item.name)
            yield f"{item.name} = {section!r}: must be a section {item.default_factory.__name__}"  # type: ignore[union-attr]
            continue
        for problem in problems(section, item.name):
            broken.add(item.name)
            yield problem
    yield from contradictions(truth, broken)


_STATUSES = {
    ("N2", "caseworkers.effect_sd"): "assumed",
    ("N2", "caseworkers.effect_tilt"): "assumed",
    ("N2", "caseworkers.sorting"): "assumed",
    ("H", "hazard.private_view"): "calibrated to E02",
    ("H", "hazard.orientation"): "calibrated to E01",
    ("F", "hazard.belief"): "assumed",
    ("F", "hazard.private_view"): "calibrated to E02",
    ("F", "hazard.orientation"): "calibrated to E01",
    ("F", "belief.orientation"): "assumed",
    ("S", "hazard.belief"): "assumed",
    ("S", "hazard.private_view"): "calibrated to E02",
    ("S", "belief.private_sorting"): "calibrated to E01",
    ("S", "belief.orientation"): "assumed",
    ("RTM", "interventions.job_passing"): "calibrated to E23-E26",
    ("RTM", "interventions.other_passing"): "calibrated to E23-E26",
}
"""What a world's own value is where it is not what E2's is."""
