"""Streamed data: the fit of files is the fit in memory, however they are cut."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import FORMULA, assert_same_fit, person_weeks, write_parts

import bipstats as bip
from bipstats.core.parts import PairwiseSum, Parts
from bipstats.errors import ModelError, OptionError
from bipstats.models import streamed, streamed_clusters

COVARIANCES = (
    "model",
    "robust",
    bip.cluster("client"),
    bip.cluster("caseworker", small_sample="CR1S"),
    bip.cluster("client", "caseworker", small_sample="CR1"),
)


@pytest.fixture(scope="module")
def weeks():
    return person_weeks()


@pytest.fixture(scope="module")
def folder(weeks, tmp_path_factory):
    return write_parts(weeks, tmp_path_factory.mktemp("stream") / "weeks")


@pytest.fixture(params=["whole files", "small blocks, small sample"])
def cut(request, monkeypatch):
    """How the rows are taken: at once; or in blocks, with a search that begins from a few of them."""
    if request.param != "whole files":
        monkeypatch.setattr(Parts, "block", 150)
    if "sample" in request.param:
        monkeypatch.setattr(streamed, "SAMPLE", 400)


@pytest.mark.parametrize("vcov", COVARIANCES, ids=str)
def test_a_hazard_on_files_is_the_hazard_in_memory(weeks, folder, cut, vcov):
    held = bip.hazard(FORMULA, weeks, exposure="exposure", vcov=vcov)
    assert_same_fit(bip.hazard(FORMULA, folder, exposure="exposure", vcov=vcov), held)


@pytest.mark.parametrize(
    ("vcov", "weights"),
    [("robust", None), ("robust", "weight"), (bip.cluster("client", "caseworker"), "weight")],
    ids=str,
)
def test_a_logit_on_files_is_the_logit_in_memory(weeks, folder, cut, vcov, weights):
    formula = "event ~ x + C(z) + text"
    held = bip.logit(formula, weeks, weights=weights, vcov=vcov)
    assert_same_fit(bip.logit(formula, folder, weights=weights, vcov=vcov), held)


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("C(z) + log(weight + 1)", {}),
        ("x + bs(z, knots=[2])", {"baseline": 3}),
        ("bs(x) + g * text", {"link": "logit"}),
        ("x + g", {"event": "exit == job"}),
        ("x", {"id": "caseworker", "vcov": "robust"}),
    ],
    ids=str,
)
def test_every_kind_of_term_and_baseline_is_that_of_rows_in_memory(weeks, folder, cut, formula, options):
    assert_same_fit(bip.hazard(formula, folder, **options), bip.hazard(formula, weeks, **options))


def test_a_file_a_dataset_and_a_path_as_text_are_the_same_data(weeks, folder, tmp_path):
    held = bip.hazard("x + g", weeks)
    weeks.to_parquet(tmp_path / "one.parquet", row_group_size=300)
    for data in (str(folder), tmp_path / "one.parquet", ds.dataset(folder, format="parquet")):
        assert_same_fit(bip.hazard("x + g", data), held)


def test_columns_in_the_names_of_folders_are_read_as_pandas_reads_them(weeks, tmp_path):
    weeks.to_parquet(tmp_path / "by", partition_cols=["text"])
    held = pd.read_parquet(tmp_path / "by")
    assert_same_fit(
        bip.hazard("x + text", tmp_path / "by", vcov=bip.cluster("text")),
        bip.hazard("x + text", held, vcov=bip.cluster("text")),
    )


def test_files_are_taken_in_the_order_of_their_numbers(weeks, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed_clusters, "FEW", 5)
    write_parts(weeks, tmp_path, tuple(range(100, len(weeks), 100)))  # part-10 comes after part-9
    held = bip.hazard("x", weeks, vcov="robust")
    assert_same_fit(bip.hazard("x", tmp_path, vcov="robust"), held)


def test_missing_values_are_dropped_and_counted_or_refused(weeks, tmp_path, cut):
    holed = weeks.assign(z=weeks["z"].astype("Int8"))
    holed.loc[::17, "z"] = pd.NA
    holed.loc[5:90:9, "x"] = np.nan
    holed.loc[::50, "g"] = None
    write_parts(holed, tmp_path)
    assert_same_fit(
        bip.hazard(FORMULA, tmp_path, missing="drop", vcov="robust"),
        bip.hazard(FORMULA, holed, missing="drop", vcov="robust"),
    )
    with pytest.raises(ModelError) as in_memory:
        bip.hazard(FORMULA, holed)
    with pytest.raises(ModelError) as from_files:
        bip.hazard(FORMULA, tmp_path)
    assert str(from_files.value) == str(in_memory.value)


def test_levels_that_are_in_some_files_only_are_united(weeks, tmp_path):
    first = weeks.iloc[:450].query("text != 'west' and z < 3")
    first = first.assign(g=first["g"].cat.remove_unused_categories())
    rest = weeks.iloc[450:]
    both = pd.concat([first, rest], ignore_index=True)
    (tmp_path / "d").mkdir()
    first.to_parquet(tmp_path / "d" / "a.parquet")
    rest.to_parquet(tmp_path / "d" / "b.parquet")
    both["g"] = both["g"].astype(pd.CategoricalDtype(["c", "b", "a"]))
    assert_same_fit(
        bip.hazard("x + text + C(z) + g", tmp_path / "d"), bip.hazard("x + text + C(z) + g", both)
    )


def test_equal_rows_of_a_block_are_collapsed_without_changing_anything(weeks, tmp_path, monkeypatch):
    rows = weeks.loc[weeks.index.repeat(6)].reset_index(drop=True)
    write_parts(rows, tmp_path, (2000,))
    held = bip.hazard("z + g", rows, exposure="exposure", vcov=bip.cluster("caseworker"))
    sizes = []
    kept = streamed.newton_block

    def spy(frame, layout, params):
        sizes.append(layout.collapse)
        return kept(frame, layout, params)

    monkeypatch.setattr(streamed, "newton_block", spy)
    found = bip.hazard("z + g", tmp_path, exposure="exposure", vcov=bip.cluster("caseworker"))
    assert sizes and all(sizes)
    assert_same_fit(found, held)


@pytest.mark.parametrize("vcov", COVARIANCES[1::3], ids=str)
def test_rows_that_stand_for_several_are_counted(weeks, tmp_path, cut, vcov):
    rows = weeks.assign(copies=(np.arange(len(weeks)) % 4 + 1).astype(np.int16), z=weeks["z"].astype(float))
    rows.loc[3::40, "z"] = np.nan
    write_parts(rows, tmp_path)
    for model, formula in ((bip.hazard, "x + z + g"), (bip.logit, "event ~ x + z + g")):
        options = {"counts": "copies", "missing": "drop", "vcov": vcov}
        assert_same_fit(model(formula, tmp_path, **options), model(formula, rows, **options))


@settings(max_examples=4, deadline=None)
@given(block=st.integers(40, 900), cuts=st.lists(st.integers(1, 900), max_size=3, unique=True))
def test_the_result_does_not_depend_on_how_the_rows_are_cut(block, cuts):
    import tempfile
    from pathlib import Path

    weeks, before = person_weeks(), Parts.block
    held = bip.hazard("x + g", weeks, vcov="robust")
    with tempfile.TemporaryDirectory() as home:
        write_parts(weeks, Path(home), tuple(sorted(cuts)))
        try:
            Parts.block = block
            assert_same_fit(bip.hazard("x + g", home, vcov="robust"), held)
        finally:
            Parts.block = before


@given(terms=st.lists(st.integers(-5, 5), min_size=1, max_size=60))
def test_a_pairwise_sum_is_the_sum_in_order(terms):
    whole = PairwiseSum()
    for place, term in enumerate(terms):
        whole.add((f"{place}:{term}",))
    assert whole.total() == tuple(f"{place}:{term}" for place, term in enumerate(terms))


def test_the_sum_of_many_small_terms_keeps_its_digits():
    whole = PairwiseSum()
    for _ in range(100_000):
        whole.add(0.1)
    assert abs(whole.total() - 10_000.0) < 1e-10  # one after the other: 2e-8 off


ORDERS = {
    "sorted": lambda weeks: weeks,
    "contiguous": lambda weeks: weeks.assign(client=(weeks["client"] * 7) % 200),
    "sorted text": lambda weeks: weeks.assign(client="c" + weeks["client"].astype(str).str.zfill(4)),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("vcov", COVARIANCES[-1:], ids=str)
def test_many_clusters_need_no_table_where_they_are_contiguous(weeks, tmp_path, monkeypatch, order, vcov):
    monkeypatch.setattr(streamed_clusters, "FEW", 40)
    monkeypatch.setattr(Parts, "block", 150)
    rows = ORDERS[order](weeks)
    write_parts(rows, tmp_path)
    assert_same_fit(bip.hazard("x + g", tmp_path, vcov=vcov), bip.hazard("x + g", rows, vcov=vcov))


def test_clusters_that_lie_in_one_file_each_may_stand_in_any_order_there(weeks, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed_clusters, "FEW", 40)
    monkeypatch.setattr(Parts, "block", 150)
    parts = [weeks[weeks["client"] % 3 == k].sample(frac=1, random_state=k) for k in range(3)]
    for k, part in enumerate(parts):
        part.to_parquet(tmp_path / f"{k}.parquet")
    rows = pd.concat(parts, ignore_index=True)
    for vcov in (bip.cluster("client", small_sample="CR1"), bip.cluster("client", "caseworker")):
        assert_same_fit(bip.hazard("x + g", tmp_path, vcov=vcov), bip.hazard("x + g", rows, vcov=vcov))


def test_clusters_that_stand_apart_are_counted_and_refused_with_the_cure(weeks, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed_clusters, "FEW", 40)
    rows = weeks.sort_values("period", kind="stable").assign(client=lambda d: d["client"] + 987_000)
    write_parts(rows, tmp_path)
    several = sum(
        len({min(place // 350, 2) for place in np.flatnonzero(rows["client"] == client)}) > 1
        for client in rows["client"].unique()
    )
    with pytest.raises(ModelError) as refused:
        bip.hazard("x", tmp_path, vcov="robust")
    text = str(refused.value)
    assert (
        f"{several:,} of 200 stand in several parts (part-0.parquet, part-1.parquet, part-2.parquet)" in text
    )
    assert "sort_by('client')" in text
    assert "987" not in text  # no identifier
    assert_same_fit(bip.hazard("x", tmp_path), bip.hazard("x", rows))  # clients are counted all the same


def test_identifiers_that_are_missing_are_refused_where_they_are_needed(weeks, tmp_path):
    rows = weeks.assign(caseworker=weeks["caseworker"].astype("Int16").mask(weeks["z"] == 1))
    write_parts(rows, tmp_path)
    assert_same_fit(bip.hazard("x", tmp_path), bip.hazard("x", rows))
    with pytest.raises(ModelError) as in_memory:
        bip.hazard("x", rows, vcov=bip.cluster("caseworker"))
    with pytest.raises(ModelError) as from_files:
        bip.hazard("x", tmp_path, vcov=bip.cluster("caseworker"))
    assert str(from_files.value) == str(in_memory.value)


def test_clients_that_are_missing_are_no_clients(weeks, tmp_path):
    rows = weeks.assign(client=weeks["client"].astype("Int32").mask(weeks["z"] == 1))
    write_parts(rows, tmp_path)
    assert_same_fit(bip.hazard("x", tmp_path), bip.hazard("x", rows))


@pytest.mark.parametrize("vcov", COVARIANCES[1::3], ids=str)
def test_another_covariance_comes_from_files_too(weeks, folder, vcov):
    held, streamed_fit = bip.hazard("x + g", weeks), bip.hazard("x + g", folder)
    wanted = held.with_vcov(vcov, weeks)
    assert_same_fit(held.with_vcov(vcov, folder), wanted)
    assert_same_fit(streamed_fit.with_vcov(vcov, folder), wanted)
    assert_same_fit(streamed_fit.with_vcov(vcov, weeks), wanted)
    logit = bip.logit("event ~ x", weeks, weights="weight")
    assert_same_fit(logit.with_vcov(vcov, folder), logit.with_vcov(vcov, weeks))


def test_another_covariance_refuses_other_data(weeks, folder, tmp_path):
    fit = bip.hazard("x + g", folder)
    write_parts(weeks.assign(x=weeks["x"] * 1.01), tmp_path / "other")
    with pytest.raises(ModelError, match="not the data of the fit"):
        fit.with_vcov("robust", tmp_path / "other")
    write_parts(weeks[weeks["period"] < 4], tmp_path / "fewer")
    with pytest.raises(ModelError, match="not the data of the fit"):
        fit.with_vcov("robust", tmp_path / "fewer")


SEPARATED = {
    "a level without events": lambda d: d.assign(h=np.where(d["event"] == 0, np.where(d["z"] == 0, "u", "v"), "v")),
    "a reference level without events": lambda d: d.assign(
        h=np.where((d["event"] == 0) & (d["z"] == 0), "a", np.where(d["z"] < 3, "b", "c"))
    ),
    "a number": lambda d: d.assign(h=d["event"] * 2.0 + d["z"] / 10),
    "a constant": lambda d: d.assign(h=4),
    "a function of the period": lambda d: d.assign(h=d["period"] * 2),
    "a sum of others": lambda d: d.assign(h=d["x"].astype(float) + d["z"]),
    "a level of many": lambda d: d.assign(h=np.where(d["z"] == 0, "l" + (d.index % 40).astype(str), "rest")).pipe(
        lambda e: e.assign(event=np.where(e["h"] == "l3", 0, e["event"]))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SEPARATED)
def test_what_cannot_be_estimated_is_refused_in_the_same_words(weeks, tmp_path, monkeypatch, case):
    monkeypatch.setattr(streamed, "SAMPLE", 300)
    rows = SEPARATED[case](weeks)
    write_parts(rows, tmp_path)
    with pytest.raises(ModelError) as in_memory:
        bip.hazard("x + z + h", rows)
    with pytest.raises(ModelError) as from_files:
        bip.hazard("x + z + h", tmp_path)
    if case == "a sum of others":  # which one of them is named first is a matter of rounding
        assert sorted(re.findall("[hxz]", str(from_files.value))) == sorted(
            re.findall("[hxz]", str(in_memory.value))
        )
    else:
        assert str(from_files.value) == str(in_memory.value)


def test_a_combination_that_separates_is_refused(weeks, tmp_path):
    rows = weeks.assign(event=(weeks["x"] + weeks["z"] > 2.5).astype(int))
    write_parts(rows, tmp_path)
    with pytest.raises(ModelError, match=r"no (finite )?maximum|separat"):
        bip.logit("event ~ x + z", tmp_path)


@pytest.mark.parametrize("sample", [2**18, 300])
def test_a_few_rows_that_a_combination_separates_are_seen_among_many(weeks, tmp_path, monkeypatch, sample):
    monkeypatch.setattr(streamed, "SAMPLE", sample)
    rows = pd.concat([weeks.assign(copy=k) for k in range(12)], ignore_index=True)
    rows["a"] = (rows["z"] > 2).astype(int)
    rows["b"] = rows["a"].where(~rows.index.isin([17, 5000, 9000]), 1 - rows["a"])
    rows["c"] = rows["a"] - rows["b"]  # of three rows; with x it is no column's own
    rows["d"] = rows["x"].astype(float) + np.abs(rows["c"])
    rows.loc[rows["c"] != 0, "event"] = 0
    write_parts(rows, tmp_path)
    with pytest.raises(ModelError, match="separation"):
        bip.logit("event ~ x + d", rows)
    with pytest.raises(ModelError, match=r"has no maximum|no finite maximum"):
        bip.logit("event ~ x + d", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(event=0), "no events"),
        (lambda d: d.assign(event=1), "every one of the"),
        (
            lambda d: d.assign(event=np.where(d["period"] == 6, 1, d["event"])),
            "every row of period 6 is an event",
        ),
        (lambda d: d.assign(period=d["period"].astype(str)), "has no order in time"),
        (lambda d: d.assign(x=np.inf), "infinite"),
        (lambda d: d.assign(x=np.nan), "missing values: x"),
    ],
    ids=["no events", "only events", "a full period", "text periods", "infinite", "missing"],
)
def test_data_without_an_answer_are_refused(weeks, tmp_path, change, message):
    write_parts(change(weeks), tmp_path)
    with pytest.raises(ModelError, match=message):
        bip.hazard("x", tmp_path)


def test_a_level_that_the_sample_has_not_seen_is_estimated(weeks, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "SAMPLE", 120)
    rare = np.arange(len(weeks)) % 90 == 0
    rows = weeks.assign(
        h=rare.astype(np.int8), event=np.where(rare, np.arange(len(weeks)) % 180 == 0, weeks["event"])
    )
    rows.loc[rows["period"] == 3, "event"] = 0
    write_parts(rows, tmp_path)
    assert_same_fit(bip.hazard("x + h", tmp_path), bip.hazard("x + h", rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"absorb": "caseworker"}, r"absorb= needs all rows.*C\(x\)"),
        ({"random": "caseworker"}, "random= needs all rows"),
        ({"heterogeneity": "mass_points"}, "heterogeneity= needs all rows"),
        ({"vcov": bip.cluster("caseworker", small_sample="CR2")}, "CR1"),
        ({"vcov": bip.cluster("caseworker", small_sample="jackknife")}, "CR1"),
        ({"vcov": bip.score_bootstrap("caseworker")}, "CR1"),
    ],
    ids=str,
)
def test_what_needs_all_rows_is_refused_with_what_to_do(folder, options, message):
    with pytest.raises(OptionError, match=message):
        bip.hazard("x", folder, **options)


def test_a_penalty_and_quantile_knots_are_refused_with_what_to_do(folder):
    with pytest.raises(OptionError, match="penalty= needs all rows"):
        bip.logit("event ~ x", folder, penalty="firth")
    for term in ("bs(x, df=4)", "cr(x, df=4)", "cr(x, knots=[0])"):
        with pytest.raises(ModelError, match=r"knots=\[\.\.\.\]"):
            bip.hazard(term, folder)


def test_progress_and_checkpoint_of_a_frame_are_refused(weeks, tmp_path):
    for options in ({"progress": True}, {"checkpoint": tmp_path / "c.json"}):
        with pytest.raises(OptionError, match="streamed"):
            bip.hazard("x", weeks, **options)
        with pytest.raises(OptionError, match="streamed"):
            bip.logit("event ~ x", weeks, **options)
    assert bip.hazard("x", weeks, progress=False).nobs > 0


def test_a_bar_counts_the_blocks_of_every_pass(folder, capsys, monkeypatch):
    monkeypatch.setattr(Parts, "block", 100)
    bip.hazard("x", folder, progress=True)
    drawn = capsys.readouterr().err
    assert "pass 1: what there is [" in drawn and "errors [" in drawn
    bip.hazard("x", folder, progress=False)
    assert capsys.readouterr().err == ""


def test_a_streamed_result_is_saved_and_read_as_any_other(folder, tmp_path):
    fit = bip.hazard(FORMULA, folder, vcov=bip.cluster("caseworker"))
    again = bip.read_result(fit.to_json())
    assert_same_fit(again, fit)
    assert str(again.summary()) == str(fit.summary())


def test_the_size_of_a_streamed_result_does_not_grow_with_the_rows(weeks, folder, tmp_path):
    twice = pd.concat([weeks, weeks.assign(client=weeks["client"] + 1000)], ignore_index=True)
    write_parts(twice, tmp_path)
    sizes = [len(bip.hazard("x + g", data, vcov="robust").to_json()) for data in (folder, tmp_path)]
    assert abs(sizes[0] - sizes[1]) < 100


def test_only_the_columns_of_the_formula_are_read(weeks, tmp_path):
    weeks.to_parquet(tmp_path / "a.parquet")
    weeks.assign(text=7).drop(columns=["exposure", "weight"]).to_parquet(tmp_path / "b.parquet")
    assert bip.hazard("x + g", tmp_path).nobs > 0


def test_margins_and_predictions_of_a_streamed_fit_take_frames(weeks, folder):
    fit, held = bip.hazard("x + z", folder), bip.hazard("x + z", weeks)
    np.testing.assert_allclose(fit.predict(weeks), held.predict(weeks), rtol=1e-9)
    np.testing.assert_allclose(fit.baseline(), held.baseline(), rtol=1e-9)
