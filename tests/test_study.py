"""The study: what it casts, refuses, counts and keeps."""

from __future__ import annotations

import dataclasses
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_study, tiny_tables

import bipstats as bip
from bipstats.codebook import INDICATORS, schema
from bipstats.study import released
from bipstats.study.parse import RANGE_RULE
from bipstats.study.rules.cells import CELL_RULES

TABLES = ["clients", "responses", "assignments", "interventions", "register"]


@pytest.fixture(scope="module")
def study():
    return tiny_study(truth=True)


# Casting


def test_dtypes_are_those_of_the_codebook(study):
    text = pd.StringDtype("pyarrow")
    assert study.clients.dtypes.to_dict() == {
        "client": text,
        "jobcentre": pd.CategoricalDtype(["Faxe", "Sønderborg", "Vejen", "Aarhus"]),
        "enrolled": np.dtype("datetime64[ns]"),
        "sex": pd.CategoricalDtype(["female", "male"]),
        "birth_year": pd.Int16Dtype(),
        "civil_status": pd.CategoricalDtype(["couple", "single"]),
        "origin": pd.CategoricalDtype(["western", "non_western"]),
        "vocational_qualification": pd.BooleanDtype(),
        "mental_diagnosis": pd.BooleanDtype(),
        "musculoskeletal_diagnosis": pd.BooleanDtype(),
        "convicted": pd.BooleanDtype(),
        "job_share_5y": np.dtype("float64"),
        "support_share_5y": np.dtype("float64"),
    }
    assert list(study.responses) == ["client", "caseworker", "date", "respondent", *INDICATORS]
    assert set(study.responses[list(INDICATORS)].dtypes) == {pd.Int8Dtype()}
    assert study.interventions["code"].dtype == pd.Int16Dtype()
    assert study.register["y_1553"].dtype == pd.Int16Dtype()
    assert study.register["branche_2015_12"].dtype == pd.Int32Dtype()
    assert not any(study.clients[name].cat.ordered for name in ("sex", "jobcentre"))


def test_a_frame_of_the_right_form_is_kept_and_nothing_is_mutated(study):
    again = bip.Study(**study.tables(), truth=study.truth)
    assert all(again.tables()[name] is study.tables()[name] for name in TABLES)
    assert again.truth is study.truth
    tables = tiny_tables()
    copies = {name: table.copy() for name, table in tables.items()}
    bip.Study(**tables)
    for name in TABLES:
        pd.testing.assert_frame_equal(tables[name], copies[name])


@pytest.mark.parametrize(
    "levels", [["male", "female"], ["female", "male", "other"]], ids=["other order", "more levels"]
)
def test_levels_are_put_in_the_order_of_the_codebook(study, levels):
    clients = study.clients.assign(
        sex=study.clients["sex"].astype(object).astype(pd.CategoricalDtype(levels))
    )
    recast = dataclasses.replace(study, clients=clients)
    assert list(recast.clients["sex"].cat.categories) == ["female", "male"]
    assert recast == study


def test_rows_are_numbered_and_columns_ordered(study):
    tables = {
        name: table.iloc[:, ::-1].set_index(np.arange(9, 9 + len(table)))
        for name, table in study.tables().items()
    }
    assert bip.Study(**tables, truth=study.truth) == study


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_text_of_any_dtype_is_cast(study, dtype):
    text = {
        name: table.astype("string").astype(object).where(table.notna(), None).astype(dtype)
        for name, table in study.tables().items()
    }
    assert bip.Study(**text, truth=study.truth) == study


def test_identifiers_may_come_as_numbers():
    tables = tiny_tables()
    for name, table in tables.items():
        number = table["client"].str.removeprefix("k").astype("float64" if name == "clients" else "int64")
        tables[name] = table.assign(client=number)
    assert bip.Study(**tables).clients["client"].tolist() == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("table", "column", "value", "rule"),
    [
        ("clients", "sex", "unknown", "unknown_level"),
        ("clients", "enrolled", "6.1.2014", "unreadable_date"),
        ("clients", "enrolled", pd.Timestamp("2014-01-06 08:00"), "unreadable_date"),
        ("responses", "network", 3.5, "not_a_whole_number"),
        ("responses", "network", 1_000, "score_range"),
        ("clients", "convicted", "perhaps", "not_a_flag"),
    ],
)
def test_what_cannot_be_cast_is_refused_with_all_else_that_is_wrong(table, column, value, rule):
    tables = tiny_tables()
    frame = tables[table].astype({column: object})
    frame.loc[1, column] = value
    tables[table] = frame
    tables["assignments"].loc[3, "end"] = "2014-06-01"
    with pytest.raises(bip.DataProblems) as raised:
        bip.Study(**tables)
    problems = raised.value.problems
    assert set(problems["rule"]) == {rule, "overlap"}
    assert problems.set_index("rule").loc[rule, "rows"] == [3]


def test_a_time_of_day_is_not_cut_off(study):
    clients = study.clients.assign(enrolled=study.clients["enrolled"] + pd.Timedelta(hours=8))
    with pytest.raises(bip.DataProblems, match="unreadable_date"):
        dataclasses.replace(study, clients=clients)


def test_missing_and_repeated_columns_are_refused(study):
    with pytest.raises(bip.DataProblems, match="column_missing"):
        dataclasses.replace(study, clients=study.clients.drop(columns="sex"))
    twice = pd.concat([study.clients, study.clients[["sex"]]], axis=1)
    with pytest.raises(bip.DataProblems, match="duplicate_column"):
        dataclasses.replace(study, clients=twice)


def test_no_defect_of_casting_is_without_a_rule():
    """Whatever `parse_column` can report has a row among the rules, so that nothing is lost in between."""
    rules = {rule.name for rule in CELL_RULES}
    raised = {"not_a_number", "not_a_whole_number", "off_scale", "unreadable_date", "not_a_flag"}
    assert raised | {"unknown_level", "unknown_respondent"} | set(RANGE_RULE.values()) <= rules


# The object


def test_it_is_frozen_and_knows_no_hash(study):
    with pytest.raises(dataclasses.FrozenInstanceError):
        study.clients = None
    with pytest.raises(TypeError, match="unhashable"):
        hash(study)


def test_equality_concerns_values_dtypes_and_truth(study):
    other = tiny_study(truth=True)
    assert study == other
    assert pickle.loads(pickle.dumps(study)) == study
    assert study != dataclasses.replace(other, truth=None)
    assert study != dataclasses.replace(other, clients=other.clients.assign(birth_year=1970))
    assert study != "a study"


def test_describe_counts(study):
    table = study.describe().set_index("table")
    assert table["rows"].tolist() == [6, 24, 7, 5, 6]
    assert table["clients"].tolist() == [6, 6, 6, 3, 6]
    assert table.loc["assignments", "caseworkers"] == 3
    assert table.loc["clients", "jobcentres"] == 4
    assert table.loc["responses", "client_questionnaires"] == 12
    assert table.loc["responses", "caseworker_questionnaires"] == 12
    assert table.loc["responses", "first_date"] == pd.Timestamp("2014-01-08")
    assert table.loc["responses", "last_date"] == pd.Timestamp("2014-08-15")
    # One answer is missing of 12 questionnaires of 9 and 12 of 11 questions; 3 cells of 6 x 13 of the clients.
    assert table.loc["responses", "missing_share"] == pytest.approx(1 / 240)
    assert table.loc["clients", "missing_share"] == pytest.approx(3 / 78)
    assert table["missing_share"].isna().tolist() == [False, False, False, False, True]


def test_it_shows_counts_and_no_persons(study):
    for shown in (repr(study), study._repr_html_()):
        assert "6 in 4 job centres" in shown
        assert "24 (12 by clients, 12 by caseworkers, 2014-01-08 to 2014-08-15)" in shown
        assert not any(client in shown for client in study.clients["client"])
    assert "Study (data 1.0)" in repr(dataclasses.replace(study, version="1.0"))


def test_any_label_is_a_job_centre_and_the_levels_are_those_of_the_data(tmp_path):
    tables = tiny_tables()
    labels = ["Malmö", "Aarhus", "Eslöv", "Faxe", " Malmö", "Aarhus"]
    tables["clients"]["jobcentre"] = labels
    study = bip.Study(**tables)
    assert list(study.clients["jobcentre"].cat.categories) == ["Faxe", "Aarhus", "Eslöv", "Malmö"]
    assert study.clients["jobcentre"].tolist() == [label.strip() for label in labels]
    assert bip.check_study(study).empty
    study.to_folder(tmp_path / "study")
    assert bip.read_study(tmp_path / "study") == study
    assert set(bip.spells(study)["jobcentre"]) == {"Faxe", "Aarhus", "Eslöv", "Malmö"}


# Parts of a study


def test_subset_keeps_the_clients_of_a_job_centre_in_all_tables(study):
    part = study.subset(jobcentre="Sønderborg")
    assert {name: set(table["client"]) for name, table in part.tables().items()} == {
        "clients": {"k1", "k5"},
        "responses": {"k1", "k5"},
        "assignments": {"k1", "k5"},
        "interventions": {"k1"},
        "register": {"k1", "k5"},
    }
    assert part.clients.index.equals(pd.RangeIndex(2))
    assert part.truth is study.truth
    assert list(part.clients["jobcentre"].cat.categories) == ["Sønderborg"]


def test_subset_by_clients_and_by_both(study):
    assert study.subset(clients=["k2", "k4"]) == study.subset(jobcentre=["Aarhus"])
    both = study.subset(jobcentre=["Aarhus", "Faxe"], clients=study.clients["client"].iloc[2:4])
    assert both.clients["client"].tolist() == ["k3", "k4"]


def test_subset_takes_the_latent_rows_along(study):
    latent = pd.DataFrame({"client": ["k1", "k1", "k2"], "belief": [0.1, 0.2, 0.3]})
    part = dataclasses.replace(study, latent=latent).subset(clients="k1")
    assert part.latent["belief"].tolist() == [0.1, 0.2]


def test_subset_refuses_what_the_study_does_not_have(study):
    with pytest.raises(bip.OptionError, match="jobcentre=: the study has no 'Odense', 'Viborg'"):
        study.subset(jobcentre=["Odense", "Viborg", "Aarhus"])
    with pytest.raises(bip.OptionError, match="'n4' and 5 more"):
        study.subset(clients=[f"n{i}" for i in range(10)])
    with pytest.raises(bip.OptionError, match="needs jobcentre=, clients= or both"):
        study.subset()


def test_with_clients_replaces_and_adds_columns_by_client(study):
    given = pd.DataFrame({"client": ["k6", "k5", "k4", "k3", "k2", "k1"], "convicted": [1, 0, 0, 0, 0, 0]})
    given["children"] = [6, 5, 4, 3, 2, 1]
    changed = study.with_clients(given)
    assert changed.clients["convicted"].tolist() == [False] * 5 + [True]
    assert changed.clients["children"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert changed.clients.drop(columns=["convicted", "children"]).equals(
        study.clients.drop(columns="convicted")
    )
    assert study.clients["convicted"].tolist() == [False, False, False, True, False, False]


def test_with_clients_needs_one_row_for_each(study):
    clients = study.clients[["client", "sex"]]
    with pytest.raises(bip.OptionError, match="0 rows repeat a client, 1 clients have no row, 0 rows belong"):
        study.with_clients(clients.iloc[1:])
    with pytest.raises(bip.OptionError, match="1 rows repeat a client"):
        study.with_clients(pd.concat([clients, clients.iloc[:1]]))
    with pytest.raises(bip.OptionError, match="a column client"):
        study.with_clients(clients[["sex"]])
    with pytest.raises(bip.DataProblems, match="unknown_level"):
        study.with_clients(clients.assign(sex="x"))


# Folders


def test_to_folder_refuses_a_folder_with_files_unless_told(study, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(bip.OptionError, match="overwrite=True"):
        study.to_folder(tmp_path)
    study.to_folder(tmp_path, format="parquet", overwrite=True)
    study.to_folder(tmp_path, format="csv.gz", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["mine.txt", "truth.csv", *(f"{name}.csv.gz" for name in TABLES)]
    )
    dataclasses.replace(study, truth=None).to_folder(tmp_path, overwrite=True)
    assert not (tmp_path / "truth.csv").exists()
    assert bip.read_study(tmp_path) == dataclasses.replace(study, truth=None)


def test_to_folder_makes_folders_and_refuses_files_and_formats(study, tmp_path):
    study.to_folder(tmp_path / "a" / "b")
    assert bip.read_study(tmp_path / "a" / "b") == study
    with pytest.raises(bip.OptionError, match="is a file"):
        study.to_folder(tmp_path / "a" / "b" / "clients.csv")
    with pytest.raises(bip.OptionError, match="format='xlsx' is not an option"):
        study.to_folder(tmp_path / "c", format="xlsx")


# The released study


def test_load_synthetic_reads_the_released_files_with_their_version(study, tmp_path, monkeypatch):
    study.to_folder(tmp_path, format="parquet")
    (tmp_path / "version.toml").write_text('data = "2026.1"\nschema = 1\n', encoding="utf-8")
    monkeypatch.setattr(released, "_PLACES", (tmp_path / "none", tmp_path))
    loaded = bip.load_synthetic()
    assert loaded == study
    assert loaded.version == "data 2026.1, schema 1"


def test_load_synthetic_says_when_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(released, "_PLACES", (tmp_path,))
    with pytest.raises(bip.BipstatsError, match="not installed"):
        bip.load_synthetic()


def test_a_simulated_study_is_clean_and_survives_every_round_trip(tmp_path):
    study = bip.simulate(clients=60, rng=1)
    assert bip.check_study(study).empty
    for form in ("csv", "csv.gz", "parquet"):
        study.to_folder(tmp_path / form, format=form)
        assert bip.check_study(tmp_path / form).empty
        assert bip.read_study(tmp_path / form) == study


def test_the_documentation_names_the_columns_that_may_be_empty():
    text = (Path(__file__).parents[1] / "docs" / "data-model.md").read_text(encoding="utf-8")
    sentence = next(part for part in text.split("\n\n") if part.startswith("Cells may be empty"))
    nullable = {c.name for table in TABLES for c in schema(table) if c.nullable} - set(INDICATORS)
    named = set(re.findall(r"`(\w+)`", sentence)) - set(TABLES)
    assert named == nullable
