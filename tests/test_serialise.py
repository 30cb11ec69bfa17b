"""Results as JSON and back: the same to the last bit, data only, and what is foreign is refused by name."""

import copy
import datetime
import inspect
import json
import pickle
import pkgutil
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import treated_periods, typed_periods
from references import frame

import bipstats as bip
import bipstats.models
from bipstats.core.result import Result
from bipstats.core.serialise import from_json, to_json
from bipstats.models import saved

CGD = "age + C(inherit) + bs(weight, df=4) + cr(height, df=3)"


def cgd():
    rows = frame("cgd")
    return rows.assign(
        third=rows["id"] % 3,
        heavy=pd.cut(rows["weight"], [0, 30, 60, 200]),
        since=pd.Categorical(pd.to_datetime("2015-03-01") + pd.to_timedelta(rows["id"] % 3, unit="D")),
    )


def cox(formula="age + sex", **arguments):
    return bip.cox(formula, cgd(), start="tstart", stop="tstop", event="status", id="id", **arguments)


def periods():
    rows = frame("cgd_periods")
    return rows.assign(tall=rows["height"] > 140)


def gammopathy():
    return frame("fine_gray")


FITS = {
    "cox": (cox, cgd),
    "cox, clusters, strata": (
        lambda: cox(formula="age + height", strata=["sex", "treat"], vcov=bip.cluster("center")),
        cgd,
    ),
    "cox, splines and labels": (lambda: cox(CGD + " + heavy"), cgd),
    "cox, dates as labels": (lambda: cox("age + C(since)"), cgd),
    "cox, labels that are numbers": (lambda: cox("age:sex + C(third)"), cgd),
    "fine_gray": (lambda: bip.fine_gray("age + sex", gammopathy(), event="exit == pcm"), gammopathy),
    "hazard": (lambda: bip.hazard("age + C(sex)", periods(), event="status", exposure="exposure"), periods),
    "hazard, logit": (lambda: bip.hazard("C(tall) + age", periods(), event="status", link="logit"), periods),
    "conditional_logit": (
        lambda: bip.conditional_logit(
            "case ~ spontaneous + induced", frame("infert"), groups="stratum", vcov="robust"
        ),
        lambda: frame("infert"),
    ),
    "logit, penalised": (
        lambda: bip.logit("HG ~ NV + PI + EH", frame("endometrial_like"), penalty="firth"),
        lambda: frame("endometrial_like"),
    ),
    "mass points": (
        lambda: bip.hazard(
            "x", typed_periods(), heterogeneity="mass_points", mass_points=2, delayed_entry="ignore"
        ),
        typed_periods,
    ),
    "logit": (
        lambda: bip.logit(
            "status ~ bs(age, df=4) + I(height / 100) + treat", cgd(), weights="wt", vcov="robust"
        ),
        cgd,
    ),
}


@pytest.fixture(params=FITS)
def fit_and_rows(request):
    fit, rows = FITS[request.param]
    return fit(), rows()


def same(first, second):
    """Equal to the last bit, NaN to NaN."""
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second), check_exact=True)


def assert_same_result(fit, again, rows):
    assert type(again) is type(fit)
    same(again.tidy(), fit.tidy())
    same(again.cov, fit.cov)
    same(again.glance(), fit.glance())
    same(again.predict(rows), fit.predict(rows))
    assert str(again.summary()) == str(fit.summary())
    first, second = fit.estimates.names[:2]
    assert again.wald(f"{first} = {second}") == fit.wald(f"{first} = {second}")
    vcov = "robust" if getattr(fit.specification, "penalty", None) is None else "model"
    same(again.with_vcov(vcov, rows).tidy(), fit.with_vcov(vcov, rows).tidy())
    assert again.methods_text() == fit.methods_text()


def test_read_back_to_the_last_bit(fit_and_rows):
    fit, rows = fit_and_rows
    text = fit.to_json()
    again = bip.read_result(text)
    assert_same_result(fit, again, rows)
    assert again.to_json() == text


def test_results_can_be_pickled_and_copied(fit_and_rows):
    fit, rows = fit_and_rows
    assert_same_result(fit, pickle.loads(pickle.dumps(fit)), rows)
    assert_same_result(fit, copy.deepcopy(fit), rows)


def test_points_at_the_edge_and_the_naive_effect_come_back():
    rows = typed_periods(2, locations=(-np.inf, -0.8))
    fit = bip.hazard("x", rows, heterogeneity="mass_points", mass_points=2)
    again = bip.read_result(fit.to_json())
    assert fit.points["location"].iloc[0] == -np.inf
    same(again.points, fit.points)
    same(again.predict(rows, "survival"), fit.predict(rows, "survival"))
    timing = bip.timing_of_events("x", "x", treated_periods(), effect=[0, 3], mass_points=2)
    again = bip.read_result(timing.to_json())
    same(again.effects, timing.effects)
    assert str(again) == str(timing)
    spells = bip.piecewise_exponential("x", rows.assign(stop=rows["period"] + 1.0), cuts=[2], start="period")
    again = bip.read_result(spells.to_json())
    same(again.predict(rows, "survival", times=[1, 3]), spells.predict(rows, "survival", times=[1, 3]))
    same(again.hazard_at(rows), spells.hazard_at(rows))


def test_survival_is_the_same_too():
    fit, rows = cox("age", strata="sex"), cgd()
    same(bip.read_result(fit.to_json()).predict(rows, "survival"), fit.predict(rows, "survival"))


def test_files(tmp_path):
    fit, path = cox(), tmp_path / "fit.json"
    assert fit.to_json(path) == path.read_text(encoding="utf-8")
    same(bip.read_result(path).tidy(), fit.tidy())
    same(bip.read_result(str(path)).tidy(), fit.tidy())
    with pytest.raises(bip.ModelError, match="there is no file"):
        bip.read_result(tmp_path / "none.json")
    with pytest.raises(bip.ModelError, match="neither a path nor JSON"):
        bip.read_result(3)


def test_the_text_is_strict_json_without_rows():
    rows = cgd()
    text = bip.cox("age + sex", rows, start="tstart", stop="tstop", event="status").to_json()
    often = bip.cox(
        "age + sex", pd.concat([rows] * 10), start="tstart", stop="tstop", event="status"
    ).to_json()
    assert json.loads(text, parse_constant=pytest.fail)["model"] == "CoxResult"
    assert len(often) == pytest.approx(len(text), rel=0.05)  # numbers differ in their last digits


def test_every_model_result_can_be_read():
    """Each class derived from Result, wherever it lives, is on the list of those that can be read."""
    for module in pkgutil.iter_modules(bipstats.models.__path__):
        import_module(f"bipstats.models.{module.name}")
    classes = {Result}
    while any(new := {sub for one in classes for sub in one.__subclasses__()} - classes):
        classes |= new
    leaves = {kind for kind in classes if not kind.__subclasses__()}
    concrete = {kind.__name__ for kind in leaves if kind.__module__.startswith("bipstats.")}
    assert concrete == set(saved._RESULTS)
    assert all(inspect.isclass(saved._find(name)) for name in concrete)


def changed(change):
    written = json.loads(cox().to_json())
    change(written)
    return json.dumps(written)


def put(value, *keys):
    def change(written):
        for key in keys[:-1]:
            written = written[key]
        written[keys[-1]] = value

    return change


REFUSED = {
    "no json": ("{nothing", "this is no JSON"),
    "other json": ("{}", "lacks format, model or fields"),
    "other format": (changed(put(2, "format")), "format 2; this is bipstats .* reads format 1"),
    "other model": (
        changed(put("os.system", "model")),
        "model 'os.system', which is unknown; known are ConditionalLogitResult, CoxResult",
    ),
    "an unknown field": (changed(put(1, "fields", "extra")), "fields of CoxResult .*; unknown: extra"),
    "a missing field": (
        changed(lambda written: written["fields"].pop("baseline")),
        "fields of CoxResult .*; missing: baseline",
    ),
    "a field of a part": (
        changed(put(1, "fields", "fit", "fields", "extra")),
        "fields of Fit .*; unknown: extra",
    ),
    "a class that is no part": (
        changed(put({"is": "Curve", "fields": {}}, "fields", "baseline")),
        "holds 'Curve', which is no kind of data",
    ),
    "an array of objects": (
        changed(put("|O", "fields", "estimates", "fields", "values", "dtype")),
        "damaged 'array': dtype object",
    ),
    "an array of another size": (
        changed(put([99], "fields", "estimates", "fields", "values", "shape")),
        "damaged 'array': cannot reshape",
    ),
    "words among numbers": (
        changed(put(["abc", "def"], "fields", "estimates", "fields", "values", "values")),
        "damaged 'array': 'abc'",
    ),
    "no fields": (changed(put(None, "fields", "fit", "fields")), "fields of Fit .*; missing: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_foreign_is_refused_by_name(name):
    text, message = REFUSED[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.read_result(text)


def test_what_is_no_data_cannot_be_written():
    with pytest.raises(
        bip.ModelError, match=r"CoxResult.clusters\['a'\] holds function, which cannot be written"
    ):
        replace(cox(), clusters={"a": max and cox}).to_json()
    with pytest.raises(bip.ModelError, match="is an array of object"):
        replace(cox(), strata_levels=(np.array([None]),)).to_json()
    with pytest.raises(bip.ModelError, match="a time with a time zone"):
        replace(cox(), strata_levels=(pd.Timestamp("2020-01-01", tz="UTC"),)).to_json()


@dataclass(frozen=True)
class Box:
    """Anything."""

    held: object


numbers = st.floats(allow_nan=False) | st.integers() | st.booleans() | st.none() | st.text()
days = st.dates() | st.datetimes() | st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)).map(
    pd.Timestamp
)  # fmt: skip
plain = st.recursive(
    numbers | days,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=60)
@given(plain)
def test_plain_data_comes_back_with_value_and_type(value):
    again = from_json(to_json(Box(value)), {"Box": lambda: Box}).held
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1.5, np.nan, -0.0], [np.inf, -np.inf, 5e-324]]),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(5, dtype=np.int8),
        np.array([True, False]),
        np.array(["2015-01-01", "NaT"], "datetime64[s]"),
        np.array(["a", "bcd"]),
        np.array([], dtype=float).reshape(0, 3),
        np.float64(0.1),
        np.int32(7),
        np.bool_(True),
        np.str_("nan"),
        np.float64("nan"),
        np.datetime64("2015-01-01", "D"),
    ],
    ids=repr,
)
def test_arrays_come_back_with_type_order_and_bits(value):
    again = from_json(to_json(Box(value)), {"Box": lambda: Box}).held
    assert type(again) is type(value)
    assert again.dtype == value.dtype
    assert again.shape == value.shape
    assert again.tobytes("A") == value.tobytes("A")
    if isinstance(value, np.ndarray):
        assert again.flags.f_contiguous == value.flags.f_contiguous


@pytest.mark.parametrize(
    "value",
    [pd.Interval(0, 30, closed="left"), pd.Timestamp("2015-01-01").as_unit("s"), pd.Timedelta("3D"), np.inf],
)
def test_labels_that_pandas_makes_come_back(value):
    again = from_json(to_json(Box(value)), {"Box": lambda: Box}).held
    assert again == value
    assert type(again) is type(value)
