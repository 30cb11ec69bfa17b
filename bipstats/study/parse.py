"""One column at a time: from whatever a file holds to the study's dtype, with nothing lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import LANGUAGES, LEVELS, Column, label
from bipstats.study.writing import AS_OURS, NOTHING, Declared, Writing, text_of

Mask = NDArray[np.bool_]

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "<NA>", "NaT", "."})
"""What stands for an empty cell; in an identifier only an empty cell does."""

_DTYPES: Mapping[str, Any] = {
    "id": pd.StringDtype("pyarrow"),
    "date": np.dtype("datetime64[ns]"),
    "score": pd.Int8Dtype(),
    "flag": pd.BooleanDtype(),
    "share": np.dtype("float64"),
    "year": pd.Int16Dtype(),
    "code": pd.Int16Dtype(),
    "benefit": pd.Int16Dtype(),
    "industry": pd.Int32Dtype(),
    "number": np.dtype("float64"),
    "text": pd.StringDtype("pyarrow"),
}
RANGE_RULE: Mapping[str, str] = {
    "score": "score_range",
    "year": "implausible_birth_year",
    "code": "unknown_code",
    "benefit": "code_range",
    "industry": "code_range",
    "share": "share_range",
}
"""Kind -> the rule that a number outside the column's bounds breaks."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_PLAIN_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|inf)")
_ISO_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00:00(?:\.0+)?)?")
_FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
_FLAG_LABELS = {"no": False, "nej": False, "false": False, "yes": True, "ja": True, "true": True}
USER_MISSING, REPORTED = "user_missing", "reported"
"""Defects of cells that the file declares missing, and of cells about which its reader has spoken already."""
_FIRST_DAY, _LAST_DAY = pd.Timestamp.min.ceil("D").date(), pd.Timestamp.max.floor("D").date()


class _Unreadable(ValueError):
    """A value breaks the rule that this exception names."""


def dtype_of(column: Column) -> Any:
    """Give the dtype that a column has in a study."""
    if column.kind == "category":
        return pd.CategoricalDtype(list(column.levels), ordered=False)
    return _DTYPES[column.kind]


def parse_column(
    values: pd.Series, column: Column, writing: Writing = AS_OURS
) -> tuple[pd.Series, dict[str, Mask]]:
    """Cast one column and say which cells could not be cast.

    Parameters
    ----------
    values : Series of n cells
        Text, or any dtype that a file format or a user brings.
    column : Column
    writing : Writing

    Returns
    -------
    values : Series of n cells
        In the study's dtype; `values` itself if nothing had to change.
    defects : dict of str to (n,) bool array
        Rule -> the cells that break it; such cells are missing in the returned values.

    Notes
    -----
    Every distinct value is read once, from its text, so that files and frames in memory follow the same
    rules. Blanks around a value do not count; a decimal comma does. A category without levels in the codebook
    has those that its values name: the codebook's examples first, in their order, the others sorted.

    Where a file has value labels, categories and texts go by the label, which may be a level's key or its
    label in any of the codebook's languages; flags go by a label that is a word for yes or no, else by the
    code; numbers and identifiers go by the code.
    """
    if column.kind == "category" and not column.levels:
        column = replace(column, levels=_labels(values, column, writing))
    dtype = dtype_of(column)
    if writing == AS_OURS and _has_dtype(values, dtype):
        if column.kind == "id":
            return _bare(values), {}
        return _whole_days(values) if column.kind == "date" else (values, {})
    codes, distinct = _distinct(values)
    return _gather(values, codes, *_read(distinct, _reader(column, writing)), dtype)


def _labels(values: pd.Series, column: Column, writing: Writing) -> tuple[str, ...]:
    """Levels of a category that admits any label: those there are."""
    read, _ = _read(_distinct(values)[1], _reader(replace(column, kind="text"), writing))
    there = {label for label in read if label is not None and label not in MISSING}
    known = [label for label in LEVELS.get(column.name, ()) if label in there]
    return (*known, *sorted(there.difference(known)))


def parse_extra(values: pd.Series, declared: Declared = NOTHING) -> tuple[pd.Series, dict[str, Mask]]:
    """Cast a column that the codebook does not know: numbers if every value is one, else text.

    Where every value has a label, the labels are the text. What the file declares missing is missing, and
    a defect as in `parse_column`.
    """
    if values.dtype == _DTYPES["number"] and declared == NOTHING:
        return values, {}
    codes, distinct = _distinct(values)
    texts = [text_of(value) for value in distinct]
    present = [text for text in texts if text not in MISSING | declared.missing | declared.reported]
    labelled = bool(declared.labels) and all(text in declared.labels for text in present)
    numeric = not labelled and all(_PLAIN_NUMBER.fullmatch(text) for text in present)
    if not labelled and not numeric and declared == NOTHING and _has_dtype(values, _DTYPES["text"]):
        return values, {}

    def read(value: Any) -> Any:
        text = text_of(value)
        if text in MISSING:
            return None
        _refuse_declared(text, declared)
        return declared.labels[text] if labelled else float(text) if numeric else text

    return _gather(values, codes, *_read(distinct, read), _DTYPES["number" if numeric else "text"])


def _has_dtype(values: pd.Series, dtype: Any) -> bool:
    """Whether `values` has the dtype already, the order of its levels included."""
    if values.dtype != dtype:
        return False
    if isinstance(dtype, pd.CategoricalDtype):
        have, want = values.cat.categories, dtype.categories
        return bool(have.dtype == want.dtype and list(have) == list(want))
    return True


def _bare(values: pd.Series) -> pd.Series:
    """Identifiers without blanks around them; an empty one is missing."""
    bare = values.str.strip()
    bare = bare.mask((bare == "").fillna(False))
    return values if bare.equals(values) else bare


def _whole_days(values: pd.Series) -> tuple[pd.Series, dict[str, Mask]]:
    """Dates that are already dates; a time of day is a defect, not something to cut off."""
    timed = (values.notna() & (values != values.dt.normalize())).to_numpy(dtype=bool)
    return (values.mask(timed), {"unreadable_date": timed}) if timed.any() else (values, {})


def _distinct(values: pd.Series) -> tuple[NDArray[np.intp], list[Any]]:
    """Position of each cell's value among the distinct values, -1 where missing; and these values."""
    try:
        codes, distinct = pd.factorize(values)
    except TypeError:  # lists and the like inside the cells
        codes, distinct = pd.factorize(values.astype(str))
    return codes, list(distinct)


def _read(distinct: list[Any], reader: Callable[[Any], Any]) -> tuple[list[Any], dict[str, list[int]]]:
    """Read the distinct values; give the results (None for missing and unreadable) and what broke which rule."""
    results: list[Any] = []
    broken: dict[str, list[int]] = {}
    for position, value in enumerate(distinct):
        try:
            results.append(reader(value))
        except _Unreadable as error:
            results.append(None)
            broken.setdefault(str(error), []).append(position)
    return results, broken


def _gather(
    values: pd.Series, codes: NDArray[np.intp], read: list[Any], broken: dict[str, list[int]], dtype: Any
) -> tuple[pd.Series, dict[str, Mask]]:
    """Put what was read for each distinct value back into the cells."""
    array = pd.Series(read, dtype=dtype).array.take(codes, allow_fill=True)
    defects = {}
    for rule, positions in broken.items():
        flagged = np.zeros(len(read) + 1, dtype=bool)  # the last one serves code -1, a missing cell
        flagged[positions] = True
        defects[rule] = flagged[codes]
    return pd.Series(array, index=values.index, name=values.name, dtype=dtype), defects


def _reader(column: Column, writing: Writing) -> Callable[[Any], Any]:
    """Give the function that reads one value of a column; None stands for missing."""
    interpret = _interpreter(column, writing)
    labelled = _label_reader(column, writing.declared.labels)
    blank = {""} if column.kind in ("id", "text") else MISSING
    blank = blank | writing.missing

    def read(value: Any) -> Any:
        text = text_of(value)
        translated = writing.translated(text)
        if (text if translated is None else translated) in blank:
            return None
        if translated is not None:
            return interpret(translated)
        _refuse_declared(text, writing.declared)
        if labelled is not None:
            return labelled(text, interpret)
        is_day = isinstance(value, (date, np.datetime64))
        return _iso_date(text) if is_day and column.kind == "date" else interpret(text)

    return read


def _refuse_declared(text: str, declared: Declared) -> None:
    """Raise for what the file declares missing, and for what its reader has reported."""
    if text in declared.missing:
        raise _Unreadable(USER_MISSING)
    if text in declared.reported:
        raise _Unreadable(REPORTED)


def _label_reader(
    column: Column, labels: Mapping[str, str]
) -> Callable[[str, Callable[[str], Any]], Any] | None:
    """Give the function that reads a value by its label; None for columns whose labels say nothing.

    It takes the text of a value and the function that reads values without labels.
    """
    if not labels or column.kind not in ("category", "text", "flag"):
        return None
    words = _words(column.levels) if column.levels == LEVELS.get(column.name) else {}

    def read(text: str, interpret: Callable[[str], Any]) -> Any:
        said = labels.get(text)
        if column.kind == "flag":
            known = _FLAG_LABELS.get((said or "").casefold())
            return interpret(text) if known is None else known
        if said is None and text not in column.levels:
            raise _Unreadable("unlabelled_code")
        said = text if said is None else said.strip()
        return interpret(words.get(said.casefold(), said))

    return read


@cache
def _words(levels: tuple[str, ...]) -> Mapping[str, str]:
    """Each spelling of a level that a value label may use, without regard to case -> the level."""
    return {
        word.casefold(): level
        for level in levels
        for word in (level, *(label(level, lang, "level") for lang in LANGUAGES))
    }


def _interpreter(column: Column, writing: Writing) -> Callable[[str], Any]:
    """Give the function that reads the text of one value that is not missing."""
    match column.kind:
        case "category":
            unknown = "unknown_respondent" if column.name == "respondent" else "unknown_level"
            return lambda text: _lookup({level: level for level in column.levels}, text, unknown)
        case "flag":
            return lambda text: _lookup(_FLAGS, text.lower(), "not_a_flag")
        case "date":
            form = writing.date_format
            return _iso_date if form is None else lambda text: _formatted_date(text, form)
        case "share" | "number":
            return _number
        case "id" | "text":
            return str
        case "score" if writing.scale is not None:
            return lambda text: _on_scale(_number(text), writing.scale, column)
        case _:
            return lambda text: _whole_number(_number(text), column)


def _lookup(table: Mapping[str, Any], text: str, rule: str) -> Any:
    if text not in table:
        raise _Unreadable(rule)
    return table[text]


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not np.isfinite(number := float(text.replace(",", "."))):
        raise _Unreadable("not_a_number")
    return number


def _whole_number(number: float, column: Column) -> int:
    """A whole number that fits the dtype; whether it lies within the bounds is for the rules to say."""
    if not number.is_integer():
        raise _Unreadable("not_a_whole_number")
    limits = np.iinfo(_DTYPES[column.kind].numpy_dtype)
    if not limits.min <= number <= limits.max:
        raise _Unreadable(RANGE_RULE[column.kind])
    return int(number)


def _on_scale(number: float, scale: tuple[float, float] | None, column: Column) -> int:
    """The step of our scale on which an answer on the declared scale falls exactly."""
    assert scale is not None and column.low is not None and column.high is not None
    share = (number - scale[0]) / (scale[1] - scale[0])
    if not 0 <= share <= 1:
        raise _Unreadable("score_range")
    answer = column.low + share * (column.high - column.low)
    if abs(answer - round(answer)) > 1e-9:
        raise _Unreadable("off_scale")
    return round(answer)


def _iso_date(text: str) -> np.datetime64:
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        raise _Unreadable("unreadable_date")
    return _formatted_date(match[1], "%Y-%m-%d")


def _formatted_date(text: str, form: str) -> np.datetime64:
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        raise _Unreadable("unreadable_date") from None
    if moment.time() != datetime.min.time() or not _FIRST_DAY <= moment.date() <= _LAST_DAY:
        raise _Unreadable("unreadable_date")
    return np.datetime64(moment.date(), "ns")
