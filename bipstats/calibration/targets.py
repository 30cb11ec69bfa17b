"""What a world is calibrated to: the published figures, with the quantity that stands for each."""

from __future__ import annotations

import ast
import hashlib
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from bipstats.calibration import reference, seen
from bipstats.codebook import published
from bipstats.synthetic.truth import WORLDS

Verdict = Literal["within 2 %", "within rounding", "within Monte Carlo error", "missed"]

TOLERANCE = 0.02
"""Relative deviation at which a figure counts as reached."""

ERRORS = 2.0
"""Monte Carlo standard errors within which a deviation may be chance."""

CLASS_SUM = 0.99
"""The printed shares of the four intervention classes sum to this."""


@dataclass(frozen=True, slots=True)
class Target:
    """One published figure as a number.

    Attributes
    ----------
    figure : str
        Id in the codebook; `part` where it has several numbers.
    quantity : str
        Key of `reference.reference`.
    digit : float
        Unit of the last printed digit; words ("half") are read to 5 points.
    over : float
        Divisor of the published value.
    naive : bool or None
        The naive rule for caseworkers stands for the figure (True: N2 only) or the true deciles do (False: all
        others); None: no such question.
    """

    figure: str
    quantity: str
    digit: float
    part: str = ""
    over: float = 1.0
    naive: bool | None = None

    @property
    def value(self) -> float:
        """The published value, a ratio or a share."""
        return _published(self.figure, self.part) / self.over

    @property
    def ratio(self) -> bool:
        """Whether the quantity is the logarithm of a ratio."""
        return self.quantity in RATIOS

    def of(self, world: str) -> bool:
        """Whether a world is calibrated to the figure by this quantity."""
        return self.naive is None or self.naive == (world == "N2")

    def shown(self, quantity: float) -> float:
        """The quantity as the figure is printed."""
        return float(np.exp(quantity)) if self.ratio else float(quantity)


@cache
def _published(figure: str, part: str) -> float:
    """Give a number of the codebook."""
    row: Any = published().set_index("id").loc[figure]
    return float(row["parts"][part] if part else row["value"])


RATIOS = ("orientation", "belief", "switch")

TARGETS = (
    Target("E01", "orientation", 0.01),
    Target("E02", "belief", 0.01),
    Target("E03", "switch", 0.01),
    Target("E04", "switched", 0.01),
    Target("E05", "in job, belief 1", 0.01),
    Target("E06", "in job, belief 5", 0.01),
    Target("E07", "belief 5", 0.01),
    Target("E08", "belief 4", 0.01),
    Target("E09", "belief 1-2", 0.05),
    Target("E09d", "belief 3", 0.05),
    Target("E10", "in job", 0.01),
    Target("E11", "entry", 0.0001),
    Target("E12", "entry, top decile", 0.0001, naive=False),
    Target("E12", "naive top quarter", 0.0001, naive=True),
    Target("E15", "entry of top decile", 0.01, "most effective", naive=False),
    Target("E15", "entry of bottom decile", 0.01, "least effective", naive=False),
    Target("E15", "naive top half", 0.01, "most effective", naive=True),
    Target("E15", "naive bottom half", 0.01, "least effective", naive=True),
    Target("E16", "job share", 0.01),
    Target("E17", "class none", 0.01, over=CLASS_SUM),
    Target("E18", "class other only", 0.01, over=CLASS_SUM),
    Target("E19", "class job only", 0.01, over=CLASS_SUM),
    Target("E20", "class job + other", 0.01, over=CLASS_SUM),
    Target("E21", "without job", 0.01, over=CLASS_SUM),
    Target("E22", "one type", 0.05, "one type"),
    Target("E22", "two or more types", 0.05, "two or more"),
    Target("E32", "long support", 0.01),
    Target("E33", "no qualification", 0.01),
    Target("E34", "mental diagnosis", 0.01),
    Target("E34b", "musculoskeletal diagnosis", 0.01, "musculoskeletal disorder"),
    Target("E34b", "men convicted", 0.01, "convicted, men"),
)
"""Numbers only. Signs (E23-E27, the nine indicators) are judged by `signs`."""


def targets(world: str) -> tuple[Target, ...]:
    """Give the targets of a world."""
    return tuple(target for target in TARGETS if target.of(world))


def verdict(target: Target, quantity: float, error: float) -> Verdict:
    """Judge the mean of a quantity over simulated studies.

    Parameters
    ----------
    target : Target
    quantity, error : float
        Mean over worlds and its Monte Carlo standard error, on the working scale (logarithm for ratios).
    """
    achieved = target.shown(quantity)
    if abs(achieved / target.value - 1) <= TOLERANCE:
        return "within 2 %"
    if abs(achieved - target.value) <= target.digit / 2:
        return "within rounding"
    wanted = np.log(target.value) if target.ratio else target.value
    return "within Monte Carlo error" if abs(quantity - wanted) <= ERRORS * error else "missed"


SIGNS = {
    "E23": ("progression none", "below zero"),
    "E24": ("progression other only", "about zero (.01 sd)"),
    "E25": ("progression job only", "above zero"),
    "E26": ("progression job + other", "above zero"),
    "indicators": ("weakest item", "above zero"),
    "no effect": ("strongest null item", "about zero (.05)"),
}
"""Statements without a number: figure -> quantity, what is said of it."""


def sign_holds(name: str, quantity: float) -> bool:
    """Whether a quantity has the published sign."""
    said = SIGNS[name][1]
    limits = {"E24": 0.01, "no effect": 0.05}
    if said.startswith("about"):
        return abs(quantity) < limits[name]
    return quantity < 0 if said.startswith("below") else quantity > 0


@cache
def fingerprint() -> str:
    """Give a short digest of the targets' values and of the code that defines what they are.

    Comments, docstrings and layout do not count. If it is another than that of a calibration, the calibration is out
    of date.
    """
    numbers = [(target.figure, target.quantity, target.value, target.digit) for target in TARGETS]
    code = [_logic(inspect.getsource(module)) for module in (reference, seen)]
    text = repr((numbers, sorted(SIGNS.items()), WORLDS, code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _logic(source: str) -> str:
    """Syntax tree of a module without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body[0] = ast.Expr(ast.Constant(""))
    return ast.dump(tree)
