"""The small language of formula factors: column names, ``C() I() log() bs() cr()`` and arithmetic in ``I()``.

Factors are read as syntax trees and evaluated node by node; nothing a formula says is ever executed as code.
"""

from __future__ import annotations

import ast
import keyword
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bipstats.errors import ModelError

Floats = NDArray[np.float64]

CALLS = ("C", "I", "log", "bs", "cr")
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def parse(text: str) -> ast.expr:
    """Read one factor as a syntax tree; raise `ModelError` if it is none."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        if keyword.iskeyword(text.strip()):
            raise ModelError(
                f"Formula: {text!r} is a word of Python's own and cannot name a column here; rename the column."
            ) from None
        raise ModelError(f"Formula: {text!r} is not a factor. {usage()}") from None


def usage() -> str:
    """One sentence on what a formula may hold."""
    return (
        "A formula joins column names (letters, digits and _; rename others) and C(), I(), log(), bs(), cr() "
        "by +, : and *."
    )


def call_name(tree: ast.expr) -> str | None:
    """Name of the function that a factor calls, or None for a plain column."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return tree.func.id
    return None


def columns_of(tree: ast.expr) -> tuple[str, ...]:
    """Column names that a factor reads, in order of appearance."""
    functions = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in functions]
    return tuple(dict.fromkeys(names))


def evaluate(tree: ast.expr, columns: Mapping[str, Floats]) -> Any:
    """Evaluate arithmetic, comparisons and ``log`` on columns."""
    match tree:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=value) if isinstance(value, int | float):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, columns)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](evaluate(left, columns), evaluate(right, columns))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _COMPARE[type(op)](evaluate(left, columns), evaluate(right, columns)).astype(float)
        case ast.Call(func=ast.Name(id="log"), args=[argument], keywords=[]):
            return _log(evaluate(argument, columns), ast.unparse(argument))
        case ast.Call(func=ast.Name(id="I"), args=[argument], keywords=[]):
            return evaluate(argument, columns)
        case _:
            raise ModelError(f"Formula: {ast.unparse(tree)!r} cannot be used. {usage()}")


def _log(values: Floats, text: str) -> Floats:
    bad = int(np.sum(~(values > 0) & ~np.isnan(values)))
    if bad:
        raise ModelError(f"Formula: log({text}) needs values above zero; {bad:,} rows have none.")
    return np.log(values)
