"""Bad input of every kind to every model: an error that names what, where and how to mend it, or the right answer."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

import bipstats as bip

N = 240


@pytest.fixture
def rows() -> pd.DataFrame:
    draw = np.random.default_rng(11)
    x = draw.normal(size=N)
    return pd.DataFrame(
        {
            "client": np.arange(N),
            "x": x,
            "z": draw.integers(0, 2, N),
            "g": draw.choice(list("abc"), N),
            "s": draw.integers(0, 3, N),
            "start": 0.0,
            "stop": np.ceil(draw.exponential(9, N) * np.exp(-0.3 * x)),
            "event": (draw.random(N) < 0.7).astype(int),
            "period": draw.integers(0, 4, N),
            "y": (draw.random(N) < 1 / (1 + np.exp(-0.5 * x))).astype(int),
            "w": np.round(draw.uniform(0.5, 2, N), 2),
            "off": np.round(0.1 * draw.normal(size=N), 2),
            "exit": draw.choice(["censored", "job", "pension"], N),
        }
    )


def cox(data, formula="x + z", **options):
    return bip.cox(formula, data, **options)


def hazard(data, formula="x + z", **options):
    return bip.hazard(formula, data, event="y", **options)


def logit(data, formula="x + z", **options):
    return bip.logit(f"y ~ {formula}", data, **options)


def survival(data, **options):
    return bip.survival_curve(data, **{"start": "start", "stop": "stop", "event": "event", **options})


def incidence(data, **options):
    return bip.cumulative_incidence(data, **{"start": "start", "stop": "stop", "exit": "exit", **options})


REGRESSIONS = [cox, hazard, logit]
CURVES = [survival, incidence]
MODELS = [*REGRESSIONS, *CURVES]


def numbers_of(result: Any) -> np.ndarray:
    """Everything that a result says, as numbers."""
    if hasattr(result, "params"):
        return np.concatenate([result.params, result.bse, [result.loglik, result.nobs]])
    return result.table.select_dtypes("number").to_numpy(float)


def same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    assert_allclose(numbers_of(found), numbers_of(expected), rtol=rtol, atol=1e-13)


def put(column: str, value: object, at: int = 7) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """One bad cell."""
    return lambda data: data.assign(**{column: data[column].astype(object).where(data.index != at, value)})


# Refused, by name


NOT_FRAMES = {
    "series": (lambda d: d["x"], r"not Series; .*\[\[name\]\]"),
    "dictionary": (lambda d: d.to_dict("list"), r"not dict; make one with pandas\.DataFrame"),
    "array": (lambda d: d[["x"]].to_numpy(), "not numpy ndarray"),
    "nothing": (lambda d: None, "not NoneType"),
    "arrow": (lambda d: pa.table({"x": [1.0]}), r"not pyarrow Table; convert it with \.to_pandas\(\)"),
    "no rows": (lambda d: d.head(0), "data has no rows"),
    "no columns": (lambda d: d[[]], "data has no columns"),
    "two columns of one name": (
        lambda d: pd.concat([d, d[["x", "stop"]]], axis=1),
        "of the same name: x, stop",
    ),
    "columns in levels": (lambda d: pd.concat([d], axis=1, keys=["a"]), "several levels"),
}


@pytest.mark.parametrize("name", NOT_FRAMES)
@pytest.mark.parametrize("model", MODELS)
def test_what_is_no_frame_is_refused(rows, model, name):
    change, said = NOT_FRAMES[name]
    with pytest.raises(bip.ModelError, match=said):
        model(change(rows))


@pytest.mark.parametrize("name", [name for name in NOT_FRAMES if name not in ("no rows", "no columns")])
@pytest.mark.parametrize("model", REGRESSIONS)
def test_predictions_refuse_it_too(rows, model, name):
    change, said = NOT_FRAMES[name]
    fit = model(rows)
    with pytest.raises(bip.ModelError, match=said.replace("x, stop", "x")):
        fit.predict(change(rows))
    assert len(fit.predict(rows.head(0))) == 0


MISSING = r"1 of 240 rows have missing values: {column} \(1\)\.\n  To look: data\[data\[\['{column}'\]\]"
BAD_CELLS = {
    "NaN": (np.nan, MISSING),
    "None": (None, MISSING),
    "NA": (pd.NA, MISSING),
    "NaT": (pd.NaT, MISSING),
    "infinite": (np.inf, "column '{column}' has 1 infinite values"),
    "minus infinite": (-np.inf, "column '{column}' has 1 infinite values"),
    "text": ("12 weeks", "column '{column}' holds numbers in 239 rows and text in 1; make it one of the two"),
}


@pytest.mark.parametrize("bad", BAD_CELLS)
@pytest.mark.parametrize(
    ("model", "column", "options"),
    [
        (cox, "x", {}), (cox, "stop", {}), (cox, "start", {}),
        (cox, "w", {"weights": "w"}), (cox, "off", {"offset": "off"}),
        (hazard, "x", {}), (hazard, "w", {"exposure": "w"}),
        (logit, "x", {}), (logit, "w", {"weights": "w"}),
        (survival, "stop", {}), (survival, "start", {}), (survival, "w", {"weights": "w"}),
        (incidence, "stop", {}), (incidence, "w", {"weights": "w"}),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named(rows, model, column, options, bad):
    value, said = BAD_CELLS[bad]
    with pytest.raises(bip.ModelError, match=said.format(column=column)):
        model(put(column, value)(rows.assign(w=rows["w"] / 2)), **options)


def test_curves_offer_no_argument_that_they_do_not_take(rows):
    with pytest.raises(bip.ModelError, match=r"To leave them out: data\.dropna\(subset=\['stop'\]\)"):
        survival(put("stop", np.nan)(rows))


@pytest.mark.parametrize("model", REGRESSIONS)
@pytest.mark.parametrize("dtype", ["Float64", "double[pyarrow]"])
def test_a_nan_inside_a_nullable_column_is_a_missing_value(rows, model, dtype):
    """0/0 in a nullable column is not NA to pandas 2; it is no number either."""
    one = pd.Series(np.where(rows.index == 7, 0.0, 1.0)).astype(dtype)
    holed = rows.assign(x=rows["x"].astype(dtype) * (one / one))
    with pytest.raises(bip.ModelError, match=r"missing values: x \(1\)"):
        model(holed)
    same(model(holed, missing="drop"), model(rows.drop(index=7)))
    with pytest.raises(bip.ModelError, match="missing"):
        model(rows).predict(holed)


@pytest.mark.parametrize("model", REGRESSIONS)
def test_dropped_rows_are_counted(rows, model):
    fit = model(put("x", None)(rows), missing="drop")
    same(fit, model(rows.drop(index=7)))
    assert dict(fit.fit.flow)["with missing values"] == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: cox(d.assign(u=d["x"] + d["z"]), "x + z + u"), "collinear columns: u is a linear combination of"),
        (lambda d: hazard(d.assign(u=2 * d["x"] - 3), "x + u"), "collinear columns: .* linear combination"),
        (lambda d: logit(d.assign(u=d["x"] + d["z"]), "x + z + u"), "collinear columns"),
        (lambda d: cox(d.assign(u=0.1), "x + u"), "no variation in u"),
        (lambda d: hazard(d.assign(u=3), "x + u"), "no variation within every period in u"),
        (lambda d: logit(d.assign(u=1e-300), "x + u"), "no variation in u"),
        (lambda d: cox(d, "x + s", strata="s"), "no variation within every stratum in s"),
        (lambda d: cox(d.assign(q=range(N)), strata="q"), "no variation within every stratum in x, z"),
        (lambda d: hazard(d, "x + period"), "no variation within every period in period"),
        (lambda d: cox(d.assign(x=d["x"] + 1e12)), "x varies by less than 1e-10 of its size.*subtract a constant"),
        (lambda d: cox(d.assign(x=d["x"] * 1e200)), "the numbers in x are too large to be squared; use a larger unit"),
        (lambda d: logit(d.assign(x=d["x"] * 1e-200)), "x varies by less than .* use a smaller unit"),
        (lambda d: cox(d.assign(event=0)), "no events: 'event' is never true in 240 rows"),
        (lambda d: hazard(d.assign(y=0)), "no events"),
        (lambda d: logit(d.assign(y=0)), "no events"),
        (lambda d: survival(d.assign(event=0)), "no events"),
        (lambda d: incidence(d.assign(exit="censored")), "has no exit: every row is 'censored'"),
        (lambda d: hazard(d.assign(y=1)), "every one of the 240 rows is an event"),
        (lambda d: hazard(d.assign(period=range(N))), "every row of period .* and [0-9]+ more is an event; merge"),
        (lambda d: logit(d.assign(y=1)), "is 1 in all 240 rows"),
        (lambda d: cox(d.head(1).assign(event=1)), "no variation in x, z"),
        (lambda d: logit(d.head(1)), "no events|in all 1 rows"),
        (lambda d: cox(d.head(2).assign(event=1), "x"), "x is lowest of all rows at risk .* at each of the 2 ev"),
        # A likelihood that rises without bound
        (lambda d: cox(d.assign(x=-d["stop"], event=1), "x"), "x is highest of all rows at risk .* at each of the 240"),
        (lambda d: logit(d.assign(x=d["y"] + 0.1 * d["z"])), "separation: x >= 1 has only events in"),
        (lambda d: hazard(d.assign(x=d["y"] + 0.1 * d["z"])), "separation: x >= 1 has only events in"),
        (lambda d: cox(d.assign(z=d["z"] * (1 - d["event"]))), "separation: z = 1 has no events"),
        (lambda d: logit(d.assign(z=d["z"] * d["y"])), "separation: z = 1 has only events"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_is_said(rows, call, said):
    with pytest.raises(bip.ModelError, match=said):
        call(rows)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: cox(put("start", 1e3)(d)), r"1 rows end no later than they start \(first at position 7\)"),
        (lambda d: survival(d.assign(start=d["stop"])), "240 rows end no later"),
        (lambda d: cox(d.assign(stop=-d["stop"]), start=None), r"240 rows .*\n  To look: data\[data\['stop'\] <= 0\]"),
        (lambda d: incidence(put("stop", 0)(d), start=None), "1 rows end no later"),
        (lambda d: cox(d.assign(stop=d["stop"] * 1e-12)), "so close together .* use a smaller unit"),
        (lambda d: survival(d.assign(start=1e12, stop=1e12 + d["stop"])), "Subtract a common origin"),
        (lambda d: cox(d.assign(stop=1e9 + np.arange(N)), start=None), "a chain of them would become one"),
        (lambda d: cox(d.assign(stop=pd.Timestamp("2014-01-06"))), "holds datetime64.*convert it to numbers"),
        (lambda d: incidence(d.assign(stop=pd.Timedelta(days=3))), "holds timedelta64"),
        (lambda d: survival(d.assign(stop=[datetime.date(2014, 1, 6)] * N)), "holds date; convert it to numbers"),
        (lambda d: cox(d.assign(x=[datetime.date(2014, 1, 6)] * N)), "column 'x' holds date; convert"),
        (lambda d: cox(d.assign(x=[datetime.time(8)] * N)), "column 'x' holds time"),
        (lambda d: hazard(d.assign(period=pd.Period("2014-01"))), "holds period"),
        (lambda d: hazard(put("period", np.inf)(d).astype({"period": float})), "'period' has 1 infinite values"),
        (lambda d: cox(pd.concat([d, d.head(3)])), r"3 rows overlap .* 'client' \(positions 240, 241, 242"),
        (lambda d: incidence(pd.concat([d, d.head(3)])), "3 rows overlap an earlier row of the same 'client'"),
    ],
)  # fmt: skip
def test_times_that_are_none(rows, call, said):
    with pytest.raises(bip.ModelError, match=said):
        call(rows)


@pytest.mark.parametrize(
    ("model", "event"), [(cox, "event"), (hazard, "y"), (logit, "y"), (survival, "event")]
)
def test_outcomes_that_are_none(rows, model, event):
    for bad, said in (
        (2, "must hold 0 and 1 only; 1 rows hold others, e.g. 2"),
        (np.nan, "missing values"),
        (np.inf, "infinite"),
    ):
        with pytest.raises(bip.ModelError, match=said):
            model(put(event, bad)(rows))
    for labels in (rows[event].astype("category"), rows[event].map({0: "no", 1: "yes"})):
        with pytest.raises(bip.ModelError, match=f'holds labels; .*event="{event} == level"'):
            model(rows.assign(**{event: labels}))


@pytest.mark.parametrize("exit", [[0, 1, 2] * 80, [True, False] * 120, ["Censored", "job", "pension"] * 80])
def test_exits_without_a_word_for_censored_are_refused(rows, exit):
    """0 for censored, or a capital letter, would make an exit of every censored row."""
    with pytest.raises(bip.ModelError, match=r"write .*'censored' where a row ends without one"):
        incidence(rows.assign(exit=exit))


@pytest.mark.parametrize("model", [cox, logit, survival, incidence])
def test_weights_that_are_none(rows, model):
    for bad in (0, -1):
        with pytest.raises(
            bip.ModelError, match="column 'w': 1 weights are zero or negative; drop those rows"
        ):
            model(put("w", bad)(rows), weights="w")
    with pytest.raises(bip.ModelError, match="240 weights are zero or negative"):
        model(rows.assign(w=0), weights="w")
    for size in (1e-12, 1e-300, 1e150):
        with pytest.raises(bip.ModelError, match="divide the weights by their mean"):
            model(rows.assign(w=size), weights="w")


def test_offsets_and_exposures_out_of_range(rows):
    for far in (rows["off"] * 1e5, 1e4, -400.0):
        with pytest.raises(
            bip.ModelError, match=r"'off', used by offset=, is beyond ±300.*subtract a constant"
        ):
            cox(rows.assign(off=far), offset="off")
    for bad in (0, -1, 2):
        with pytest.raises(bip.ModelError, match=r"must lie in \(0, 1\]; 1 rows do not"):
            hazard(put("w", bad)(rows.assign(w=0.5)), exposure="w")


@pytest.mark.parametrize("model", REGRESSIONS)
def test_clusters_that_are_none(rows, model):
    for change, said in (
        (put("g", None), "column 'g', used by vcov=, is missing in 1 rows"),
        (lambda d: d.assign(g=1), "need two clusters or more; column 'g' has 1"),
        (lambda d: d.drop(columns="g"), "data has no column 'g', which vcov= names"),
        (lambda d: d.assign(g=[[1]] * N), "holds values that are no labels"),
    ):
        with pytest.raises(bip.ModelError, match=said):
            model(change(rows), vcov=bip.cluster("g"))


def test_identifiers_strata_and_groups_with_holes(rows):
    with pytest.raises(bip.ModelError, match="column 'client', used by id=, is missing in 1 rows"):
        cox(put("client", None)(rows))
    for call in (
        lambda: incidence(put("client", None)(rows)),
        lambda: cox(put("s", None)(rows), strata="s"),
        lambda: survival(put("g", None)(rows), by="g"),
    ):
        with pytest.raises(bip.ModelError, match="1 of 240 rows have missing values"):
            call()
    for name in ("time", "estimate", "exit"):
        with pytest.raises(bip.ModelError, match=f"by='{name}' is a column of the result"):
            survival(rows.assign(**{name: rows["g"]}), by=name)


@pytest.mark.parametrize("model", REGRESSIONS)
def test_names_that_a_formula_cannot_read(rows, model):
    for name, said in (
        ("my x", "letters, digits and _; rename others"),
        ("class", "'class' is a word of Python's own .* rename the column"),
        ("x-y", "uses '-'"),
    ):
        with pytest.raises(bip.ModelError, match=said):
            model(rows.rename(columns={"x": name}), f"{name} + z")
    apart = rows.rename(columns={"x": "a\u030alder"})
    with pytest.raises(bip.ModelError, match="writes its accents apart"):
        model(apart, "ålder + z")
    apart.columns = apart.columns.str.normalize("NFC")
    expected = model(rows)
    same(model(apart, "ålder + z"), expected)
    same(model(apart, "a\u030alder + z"), expected)
    with pytest.raises(bip.ModelError, match=r"no column 'Z' \(did you mean 'z'\?\)"):
        model(rows, "x + Z")


@pytest.mark.parametrize("model", REGRESSIONS)
def test_predictions_for_bad_rows(rows, model):
    fit, new = model(rows, "x + g"), rows.head(5)
    for change, said in (
        (
            lambda d: d.assign(g="q"),
            r"levels that the fit has not seen: q \(5 rows\)\. The fit knows a, b, c",
        ),
        (lambda d: d.assign(x=np.nan), "5 of 5 rows have missing values"),
        (lambda d: d.assign(x=-np.inf), "5 infinite values"),
        (lambda d: d.assign(x="1"), "must hold numbers"),
        (lambda d: d.drop(columns="g"), "no column 'g'"),
    ):
        with pytest.raises(bip.ModelError, match=said):
            fit.predict(change(new))
    expected = fit.predict(new)
    others = new.assign(x=new["x"].astype("Float64"), g=pd.Categorical(new["g"], list("cabq")))
    assert_allclose(fit.predict(others), expected, rtol=1e-14)


# Accepted, with the right answer


@pytest.mark.parametrize("model", REGRESSIONS)
@pytest.mark.parametrize("size", [1e8, 1e-12, 1e-20, 1e100])
def test_the_unit_of_a_covariate_does_not_matter(rows, model, size):
    for options in ({}, {"vcov": bip.cluster("g")}):
        found, plain = model(rows.assign(x=rows["x"] * size), **options), model(rows, **options)
        scale = np.where(plain.params.index == "x", size, 1.0)
        assert_allclose(found.params * scale, plain.params, rtol=1e-7)
        assert_allclose(found.bse * scale, plain.bse, rtol=1e-7)
        assert_allclose(found.loglik, plain.loglik, rtol=1e-12)


@pytest.mark.parametrize("model", REGRESSIONS)
def test_a_covariate_far_from_zero(rows, model):
    """Ten million added and halved again: x is known to nine digits."""
    found, plain = model(rows.assign(x=rows["x"] + 1e7)), model(rows)
    assert_allclose(found.params[["x", "z"]], plain.params[["x", "z"]], rtol=1e-7)


PLAIN = [
    "object",
    "Int64",
    "int8",
    "uint8",
    "float32",
    "Float64",
    "int64[pyarrow]",
    "bool",
    "boolean",
    "Sparse[int]",
]


@pytest.mark.parametrize("dtype", PLAIN)
@pytest.mark.parametrize("model", REGRESSIONS)
def test_dtypes_of_whole_numbers(rows, model, dtype):
    same(model(rows.assign(z=rows["z"].astype(dtype))), model(rows))


@pytest.mark.parametrize("dtype", [d for d in PLAIN if not d.startswith("Sparse")])
def test_dtypes_of_outcomes(rows, dtype):
    typed = rows.assign(event=rows["event"].astype(dtype), y=rows["y"].astype(dtype))
    for model in (cox, hazard, logit, survival):
        same(model(typed), model(rows))


@pytest.mark.parametrize("dtype", ["object", "Float64", "double[pyarrow]", "Decimal"])
def test_dtypes_of_fractions_and_times(rows, dtype):
    def typed(column):
        if dtype == "Decimal":
            return [Decimal(repr(float(value))) for value in column]
        return column.astype(dtype)

    names = ["x", "stop", "start", "w", "off"]
    other = rows.assign(**{name: typed(rows[name]) for name in names})
    same(cox(other, weights="w", offset="off"), cox(rows, weights="w", offset="off"))
    same(logit(other, weights="w"), logit(rows, weights="w"))
    same(hazard(other), hazard(rows))
    same(survival(other, weights="w"), survival(rows, weights="w"))
    same(incidence(other, weights="w"), incidence(rows, weights="w"))


@pytest.mark.parametrize(
    "dtype", ["string", "string[python]", "string[pyarrow]", "large_string[pyarrow]", "category", "str"]
)
def test_dtypes_of_labels(rows, dtype):
    other = rows.assign(g=rows["g"].astype(dtype), exit=rows["exit"].astype(dtype))
    for model in REGRESSIONS:
        same(model(other, "x + g", vcov=bip.cluster("s")), model(rows, "x + g", vcov=bip.cluster("s")))
    same(cox(other, strata="g"), cox(rows, strata="g"))
    for model in CURVES:
        same(model(other, by="g"), model(rows, by="g"))


def test_categories_with_order_unused_levels_or_numbers(rows):
    plain = logit(rows, "x + g").params
    turned = rows.assign(g=pd.Categorical(rows["g"], ["q", "c", "b", "a"], ordered=True))
    found = logit(turned, "x + g").params
    assert list(found.index) == ["Intercept", "x", "g[b]", "g[a]"]  # c, the first of those there are
    assert_allclose(found["g[a]"], -plain["g[c]"], rtol=1e-10)
    for text in (rows["x"].astype(str), rows["z"].astype(str)):
        with pytest.raises(bip.ModelError, match="'z' holds numbers as text; convert it"):
            logit(rows.assign(z=text))
    numbered = logit(rows.assign(z=rows["z"].astype("category"))).params
    assert_allclose(numbered.to_numpy(), logit(rows).params.to_numpy(), rtol=1e-12)
    assert numbered.index[-1] == "z[1]"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.set_index(np.zeros(N, int)),
        lambda d: d.set_index("client", drop=False),
        lambda d: d.set_index(["s", "client"], drop=False),
        lambda d: d.set_index(pd.date_range("2014-01-06", periods=N)),
        lambda d: pd.concat([d, pd.DataFrame({7: 1, None: 2.0, ("a", 1): "b"}, index=d.index)], axis=1),
        lambda d: d.sample(frac=1, random_state=1),
        lambda d: d.assign(start=d["start"] - 100, stop=d["stop"] - 100),
        lambda d: d.assign(start=d["start"] * 1e12, stop=d["stop"] * 1e12),
        lambda d: d.rename(columns=lambda name: f"ålder_{name}" if name == "off" else name),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", MODELS)
def test_what_does_not_matter(rows, model, change):
    """Indexes, other columns, the order of rows, the origin and the unit of time."""
    found, plain = model(change(rows)), model(rows)
    if hasattr(found, "table"):
        for name in ("estimate", "std_error", "at_risk"):
            assert_allclose(found.table[name], plain.table[name], rtol=1e-10, atol=1e-13)
    else:
        same(found, plain, rtol=1e-10)


def test_a_stratum_without_events_says_nothing(rows):
    quiet = rows.assign(event=rows["event"].where(rows["s"] > 0, 0))
    same(cox(quiet, strata="s", id="client").with_vcov("model", quiet), cox(quiet, strata="s"))
    assert_allclose(cox(quiet, strata="s").params, cox(quiet[quiet["s"] > 0], strata="s").params, rtol=1e-10)
    by_group = survival(quiet, by="s").table
    assert (by_group.loc[by_group["s"] == 0, "estimate"] == 1).all()


def test_all_events_are_no_defect_where_time_tells(rows):
    everybody = rows.assign(event=1, exit="job")
    assert cox(everybody).params.notna().all()
    assert survival(everybody).table["estimate"].iloc[-1] == 0
    assert incidence(everybody).table["estimate"].iloc[-1] == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("model", [cox, logit])
def test_weights_may_be_a_covariate_and_of_any_sensible_size(rows, model):
    assert model(rows, "x + w", weights="w").params.notna().all()
    for size in (1e-9, 1e9):
        found = model(rows.assign(w=rows["w"] * size), weights="w")
        assert_allclose(found.params, model(rows, weights="w").params, rtol=1e-10)


def test_sixty_terms(rows):
    draw = np.random.default_rng(2)
    wide = rows.join(pd.DataFrame(draw.normal(size=(N, 60)), columns=[f"v{k}" for k in range(60)]))
    formula = " + ".join(f"v{k}" for k in range(60))
    for model in REGRESSIONS:
        fit = model(wide, formula)
        assert len(fit.params) >= 60 and fit.bse.notna().all()


def test_a_curve_of_one_row_and_of_groups_of_one(rows):
    one = rows.head(1).assign(event=1, exit="job")
    assert survival(one).table["estimate"].tolist() == [0.0]
    assert incidence(one).table["estimate"].tolist() == [1.0]
    assert len(survival(rows.assign(q=range(N)), by="q").table) == N


# What the user gave stays as it was


@pytest.mark.parametrize("model", MODELS)
def test_the_users_frame_is_not_touched(rows, model):
    given = rows.assign(
        x=rows["x"].astype("float64"), g=pd.Categorical(rows["g"]), z=rows["z"].astype("Int64")
    ).set_index(np.arange(N)[::-1])
    before = given.copy(deep=True)
    options: dict[str, Any] = {"weights": "w"} if model is not hazard else {}
    result = model(given, **options)
    if model in REGRESSIONS:
        model(given, "x + bs(w, df=4) + g", vcov=bip.cluster("s"))
        result.predict(given)
        result.with_vcov("robust", given)
    pd.testing.assert_frame_equal(given, before)
    assert given.index.equals(before.index) and list(given.columns) == list(before.columns)


def test_a_frame_of_one_block_is_not_touched(rows):
    """All columns in one float matrix: whatever worked in place would show."""
    matrix = np.ascontiguousarray(rows[["x", "z", "stop", "event", "y", "period"]].to_numpy(float))
    given = pd.DataFrame(matrix, columns=["x", "z", "stop", "event", "y", "period"], copy=False)
    before = matrix.copy()
    cox(given, start=None)
    hazard(given)
    logit(given)
    logit(given, "x")
    survival(given, start=None)
    np.testing.assert_array_equal(matrix, before)
    np.testing.assert_array_equal(given.to_numpy(), before)
