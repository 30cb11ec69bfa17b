"""From a formula and a frame to a design matrix, with term names of our own.

Formulas are split into terms by formulaic, behind this module alone; columns are filled straight into one array.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
import pandas as pd
from formulaic.errors import FormulaSyntaxError
from formulaic.parser import DefaultFormulaParser

from bipstats.core import expressions, splines
from bipstats.core.columns import (
    Floats,
    Ints,
    codes_for,
    is_categorical,
    labels,
    numbers,
    require_columns,
    require_frame,
    small_numbers,
)
from bipstats.core.splines import Spline
from bipstats.errors import ModelError

_NUMBER = re.compile(r"\s*[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*")
_ROWS_IN_CACHE = 4096
_BARE_NUMBER = re.compile(r"(?:^|[+:*])\s*\d+\s*(?:$|[+:*])")


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term, with what the fit has learnt about it.

    Attributes
    ----------
    text : str
        As written in the formula.
    columns : tuple of str
    kind : {"numeric", "categorical", "spline"}
    levels : tuple
        Levels of a categorical factor; the first is the reference.
    spline : Spline or None
        Knots of a spline.
    """

    text: str
    columns: tuple[str, ...]
    kind: Literal["numeric", "categorical", "spline"]
    levels: tuple[object, ...] = ()
    spline: Spline | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A product of factors; `full` says which categorical factors keep all their levels."""

    factors: tuple[str, ...]
    full: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """A formula's right-hand side, fitted to the levels and knots of a data set; holds no rows.

    Attributes
    ----------
    formula : str
    terms : tuple of Term
    factors : dict of str to Factor
    names : tuple of str
        One per column, in formula order: ``age``, ``sex[male]``, ``age:sex[male]``.
    """

    formula: str
    terms: tuple[Term, ...]
    factors: dict[str, Factor]
    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Data columns that the formula reads."""
        return _unique(column for factor in self.factors.values() for column in factor.columns)

    @property
    def references(self) -> dict[str, str]:
        """Reference level of each categorical column that has one."""
        coded = {
            factor: None
            for term in self.terms
            for factor, full in zip(term.factors, term.full, strict=True)
            if self.factors[factor].kind == "categorical" and not full
        }
        return {self.factors[name].columns[0]: str(self.factors[name].levels[0]) for name in coded}

    @property
    def places(self) -> dict[str, range]:
        """Columns of each term, by the term's text."""
        found, begin = {}, 0
        for term in self.terms:
            size = len(_names(term, self.factors))
            found[":".join(term.factors)] = range(begin, begin + size)
            begin += size
        return found

    def matrix(self, data: pd.DataFrame, rows: Ints | None = None) -> Floats:
        """Build the (n, p) matrix for rows without missing values (or some of them); an unseen level raises."""
        require_columns(require_frame(data, empty=True), self.columns)
        holed = [name for name in self.columns if data[name].hasnans]
        if holed:
            lost = int(data[holed].isna().any(axis=1).sum())
            raise ModelError(f"{lost:,} of {len(data):,} rows have missing values in the formula's columns.")
        return _assemble(self, data, rows)


def split_formula(formula: str, *, two_sided: bool) -> tuple[str | None, str]:
    """Split off the outcome, or refuse one where the model names it by an argument."""
    if not isinstance(formula, str) or not formula.strip():
        raise ModelError("the formula is empty; name at least one covariate.")
    left, tilde, right = normalize("NFC", formula).partition("~")
    if two_sided and not (tilde and left.strip() and right.strip()):
        raise ModelError(f"the formula needs an outcome and covariates, 'y ~ x'; received {formula!r}.")
    if not two_sided and tilde:
        raise ModelError(
            f"the formula holds the right-hand side only; the outcome is named by event=. Write {right.strip()!r}."
        )
    return (left.strip(), right.strip()) if tilde else (None, left.strip())


def formula_columns(rhs: str) -> tuple[str, ...]:
    """Give the data columns that a right-hand side reads."""
    texts = _unique(text for term in _parse(rhs) for text in term)
    return _unique(column for text in texts for column in _check_factor(text))


def label_columns(rhs: str, data: pd.DataFrame) -> tuple[str, ...]:
    """Give the columns that a right-hand side reads as labels, in these data."""
    trees = [expressions.parse(text) for term in _parse(rhs) for text in term]
    calls = [(expressions.call_name(tree), expressions.columns_of(tree)[0]) for tree in trees]
    return _unique(
        name for call, name in calls if call == "C" or (call is None and is_categorical(data[name]))
    )


def spline_columns(rhs: str, kinds: tuple[str, ...] = ("bs", "cr")) -> dict[str, str]:
    """Give the columns that a right-hand side makes splines of, with the last such factor's text."""
    texts = _unique(text for term in _parse(rhs) for text in term)
    return {
        _check_factor(text)[0]: text
        for text in texts
        if expressions.call_name(expressions.parse(text)) in kinds
    }


def fit_design(rhs: str, data: pd.DataFrame, counts: Ints | None = None) -> tuple[Design, Floats]:
    """Learn levels and knots from rows without missing values, and build their matrix, (n, p)."""
    design = learn_design(rhs, data, counts)
    return design, _assemble(design, data)


def learn_design(rhs: str, data: pd.DataFrame, counts: Ints | None = None) -> Design:
    """Learn levels and knots from rows without missing values.

    Parameters
    ----------
    rhs : str
        Right-hand side of a formula.
    data : pandas.DataFrame
    counts : (n,) integer array, optional
        Rows that each row stands for: knots lie at quantiles of all of them.

    Returns
    -------
    Design
        Without an intercept column: every model has its own baseline.

    Notes
    -----
    A categorical factor loses its reference level in a term if the term without that factor is in the
    model too (the baseline counts as the empty term), else it keeps all its levels.
    """
    parsed = _parse(rhs)
    require_columns(data, formula_columns(rhs))
    texts = _unique(text for term in parsed for text in term)
    factors = {text: _learn(text, data, counts) for text in texts}
    present = {frozenset(term) for term in parsed} | {frozenset[str]()}
    terms = tuple(
        Term(term, tuple(frozenset(term) - {text} not in present for text in term)) for term in parsed
    )
    names = tuple(name for term in terms for name in _names(term, factors))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelError(
            f"two terms would be called {', '.join(twice)}; levels such as 1 and '1' look alike."
        )
    return Design(rhs, terms, factors, names)


@cache
def _parse(rhs: str) -> tuple[tuple[str, ...], ...]:
    """Terms of a right-hand side as tuples of factor texts, in the order written."""
    _check_operators(rhs)
    if _BARE_NUMBER.search(_outside_brackets(rhs)):
        raise ModelError(f"every model has its own intercept or baseline; leave bare numbers out of {rhs!r}.")
    try:
        terms = DefaultFormulaParser(include_intercept=False).get_terms(rhs)
        parsed = [tuple(str(factor.expr) for factor in term.factors) for term in terms]
    except (FormulaSyntaxError, SyntaxError, AttributeError, TypeError, KeyError, ValueError):
        raise ModelError(f"the formula {rhs!r} cannot be read. {expressions.usage()}") from None
    return tuple(parsed)


def _outside_brackets(text: str) -> str:
    """The text with everything within brackets left out."""
    kept, depth = [], 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        kept += [sign] if depth == 0 else []
    return "".join(kept)


def _check_operators(rhs: str) -> None:
    """Refuse operators other than + : * outside brackets, which formulaic would give another meaning."""
    for sign in _outside_brackets(rhs):
        if sign in "-/^|%{}~&@=<>!.":
            raise ModelError(
                f"the formula {rhs!r} uses {sign!r}, which is not understood. {expressions.usage()}"
            )


@cache
def _check_factor(text: str) -> tuple[str, ...]:
    tree = expressions.parse(text)
    call = expressions.call_name(tree)
    if not isinstance(tree, ast.Name) and call not in expressions.CALLS:
        raise ModelError(f"Formula: {text!r} is not understood. {expressions.usage()}")
    columns = expressions.columns_of(tree)
    if not columns:
        raise ModelError(f"Formula: {text!r} names no column; every model has its own intercept or baseline.")
    if call == "C" and not _is_call_of_one_column(tree, options=()):
        raise ModelError(
            f"Formula: {text!r}: C() takes one column; for another reference level reorder its categories."
        )
    if call in ("bs", "cr") and not _is_call_of_one_column(tree, options=splines.OPTIONS):
        raise ModelError(
            f"Formula: {text!r}: {call}() takes one column and {', '.join(splines.OPTIONS)}, e.g. {call}(age, df=4)."
        )
    return columns


def _is_call_of_one_column(tree: ast.expr, options: tuple[str, ...]) -> bool:
    return (
        isinstance(tree, ast.Call)
        and len(tree.args) == 1
        and isinstance(tree.args[0], ast.Name)
        and all(keyword.arg in options for keyword in tree.keywords)
    )


def _learn(text: str, data: pd.DataFrame, counts: Ints | None) -> Factor:
    columns = _check_factor(text)
    tree = expressions.parse(text)
    call = expressions.call_name(tree)
    if call in ("bs", "cr"):
        return Factor(text, columns, "spline", spline=_learn_spline(tree, data[columns[0]], counts))
    if call == "C" or (call is None and is_categorical(data[columns[0]])):
        levels = labels(data[columns[0]]).levels
        if call is None and all(isinstance(level, str) and _NUMBER.fullmatch(level) for level in levels):
            raise ModelError(
                f"column {columns[0]!r} holds numbers as text; convert it (pd.to_numeric, a decimal comma replaced), "
                f"or write C({columns[0]}) if the numbers are labels."
            )
        if len(levels) < 2:
            raise ModelError(
                f"column {columns[0]!r} has one level only, {levels[0]!r}; leave it out of the formula."
            )
        return Factor(text, columns, "categorical", levels=levels)
    return Factor(text, columns, "numeric")


def _learn_spline(tree: ast.expr, column: pd.Series, counts: Ints | None) -> Spline:
    assert isinstance(tree, ast.Call)
    kind: Any = expressions.call_name(tree)
    try:
        values = numbers(column)
        values = values if counts is None else np.repeat(values, counts)
        return splines.place(kind, values, splines.read_options(tree))
    except ModelError as error:
        raise ModelError(f"Formula: {ast.unparse(tree)!r} cannot be made: {error}") from None


def _spline_block(factor: Factor, values: Floats) -> Floats:
    assert factor.spline is not None
    try:
        return splines.basis(factor.spline, values)
    except ModelError as error:
        raise ModelError(
            f"Formula: {factor.text!r} cannot be evaluated for values from {values.min():g} to {values.max():g}: "
            f"{error} B-splines do not reach beyond the data of the fit; cr() goes on as straight lines."
        ) from None


def _block(factor: Factor, data: pd.DataFrame, rows: Ints | None) -> Floats:
    """All columns of one factor; a categorical one has one per level."""
    if rows is not None:
        data = data[list(factor.columns)].iloc[rows]
    if factor.kind == "categorical":
        codes = codes_for(data[factor.columns[0]], factor.levels)
        return np.equal.outer(codes, np.arange(len(factor.levels))).astype(float)
    values = {name: numbers(data[name]) for name in factor.columns}
    if factor.kind == "spline":
        return _spline_block(factor, values[factor.columns[0]])
    result = np.asarray(expressions.evaluate(expressions.parse(factor.text), values), dtype=float)
    if not np.isfinite(result).all():
        raise ModelError(
            f"Formula: {factor.text!r} is not finite in {int((~np.isfinite(result)).sum()):,} rows."
        )
    return result[:, None]


def _assemble(design: Design, data: pd.DataFrame, rows: Ints | None = None) -> Floats:
    """Fill the terms' columns into one array."""
    matrix = np.empty((len(data) if rows is None else len(rows), len(design.names)))
    column, plain = 0, []
    for term in design.terms:
        if len(term.factors) == 1 and _is_plain(design.factors[term.factors[0]]):
            plain.append((column, small_numbers(data[term.factors[0]])))
            column += 1
            continue
        parts = [
            _block(design.factors[text], data, rows)[:, _first_level(design.factors[text], full) :]
            for text, full in zip(term.factors, term.full, strict=True)
        ]
        block = reduce(_products, parts)
        matrix[:, column : column + block.shape[1]] = block
        column += block.shape[1]
    # Plain columns go in by blocks of rows that stay in the cache: each row's numbers lie side by side.
    for low in range(0, len(matrix), _ROWS_IN_CACHE):
        here = slice(low, low + _ROWS_IN_CACHE)
        source = here if rows is None else rows[here]
        for place, values in plain:
            matrix[here, place] = values[source]
    return matrix


def _is_plain(factor: Factor) -> bool:
    """Whether a factor is a column of numbers as it stands."""
    return factor.kind == "numeric" and factor.text in factor.columns


def _first_level(factor: Factor, full: bool) -> int:
    """1 if the factor's reference level has no column in a term, else 0."""
    return int(factor.kind == "categorical" and not full)


def _products(left: Floats, right: Floats) -> Floats:
    """All products of a column of `left` and a column of `right`, the last factor varying fastest."""
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), left.shape[1] * right.shape[1])


def _names(term: Term, factors: dict[str, Factor]) -> list[str]:
    lists = [_factor_names(factors[text], full) for text, full in zip(term.factors, term.full, strict=True)]
    return [":".join(parts) for parts in reduce(_name_products, lists, [()])]


def _name_products(left: list[Any], right: list[str]) -> list[Any]:
    return [(*first, second) for first in left for second in right]


def _factor_names(factor: Factor, full: bool) -> list[str]:
    if factor.kind == "categorical":
        return [f"{factor.columns[0]}[{level}]" for level in factor.levels[_first_level(factor, full) :]]
    if factor.kind == "spline":
        assert factor.spline is not None
        return [f"{factor.text}[{number}]" for number in range(1, factor.spline.size + 1)]
    return [factor.text]


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
