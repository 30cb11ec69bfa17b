"""Stata and SPSS files: labels, dates, codes without a label, values declared missing, and broken files."""

from __future__ import annotations

import datetime
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from broken import write_tiny
from foreign import PANDAS_STATA, WRITERS, write_study
from references import FOLDER
from tiny import tiny_study

import bipstats as bip
from bipstats.cli import FOUND_ERRORS, main
from bipstats.codebook import LANGUAGES, LEVELS, label

SUFFIXES = [".dta", ".sav"]
HAVEN = FOLDER / "labelled"


@pytest.fixture
def folder(tmp_path):
    """The tiny study as CSV."""
    return write_tiny(tmp_path / "study")


def replaced(folder: Path, table: str, suffix: str, **columns: object) -> Path:
    """Write one table of the tiny study in another format, with columns replaced by plain values and dtypes."""
    (folder / f"{table}.csv").unlink()
    path = folder / f"{table}{suffix}"
    WRITERS[suffix](getattr(tiny_study(), table).assign(**columns), path)
    return path


def rewritten(path: Path, change=None, labels=None, **options: object) -> None:
    """Write a .sav file anew with changed values, value labels or declarations."""
    frame, about = pyreadstat.read_sav(path)
    frame = frame if change is None else change(frame)
    known = about.variable_value_labels | (labels or {})
    pyreadstat.write_sav(frame, path, variable_value_labels=known, **options)


def only(problems: pd.DataFrame) -> pd.Series:
    assert len(problems) == 1, problems.to_string()
    return problems.iloc[0]


# Round trips


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_released_study_reads_equal_from_stata_and_spss(suffix, tmp_path):
    released = bip.load_synthetic()
    study = released.subset(clients=released.clients["client"][:60])
    folder = write_study(study.tables(), tmp_path / "study", suffix)
    read = bip.read_study(folder, PANDAS_STATA if suffix == ".dta" else None)
    for name, table in study.tables().items():
        pd.testing.assert_frame_equal(getattr(read, name), table)


@pytest.mark.slow
def test_the_command_checks_and_replicates_such_folders(tmp_path, capsys):
    study = bip.simulate(clients=200, rng=5)
    folder = write_study(study.tables(), tmp_path / "study", ".sav")
    assert main(["check", str(folder)]) == 0
    assert main(["replicate", str(folder), "--out", str(tmp_path / "report")]) == 0
    assert "Report: " in capsys.readouterr().out
    (folder / "clients.sav").write_bytes(b"no file of SPSS")
    assert main(["check", str(folder)]) == FOUND_ERRORS
    assert "unreadable_file" in capsys.readouterr().out


def test_every_word_of_a_level_means_one_level():
    for name in ("sex", "civil_status", "origin", "respondent"):
        spelt = [
            word
            for key in LEVELS[name]
            for word in {key, *(label(key, lang, "level").casefold() for lang in LANGUAGES)}
        ]
        assert len(spelt) == len(set(spelt)), name


# What R's haven has written


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_written_by_haven(folder, suffix):
    for table in ("clients", "responses"):
        (folder / f"{table}.csv").unlink()
        shutil.copy(HAVEN / f"{table}{suffix}", folder)
    problems = bip.check_study(folder)
    assert set(problems["rule"]) == {"user_missing"}
    assert problems["severity"].unique().tolist() == ["warning"]
    assert problems[["column", "n_rows", "rows"]].to_numpy().tolist() == [
        ["civil_status", 1, [4]],
        ["health_coping", 2, [1, 2]],
        ["network", 1, [4]],
    ]
    shown = {
        ".dta": [".b = uoplyst", ".a = Vil ikke svare", ".a"],
        ".sav": ["9 = uoplyst", "98 = Vil ikke svare", "99"],
    }
    assert problems["example"].tolist() == shown[suffix]
    with pytest.warns(
        bip.DataWarning, match=r"1 value is declared missing by the file .* \(observation 4; e.g."
    ):
        study = bip.read_study(folder)
    tiny = tiny_study()
    centres = ["Sønderborg", "Århus", "Växjö", "Århus", "Sønderborg", "Ærø"]
    assert study.clients["jobcentre"].astype(str).tolist() == centres
    assert study.clients["jobcentre"].cat.categories.tolist() == ["Sønderborg", "Växjö", "Århus", "Ærø"]
    pd.testing.assert_frame_equal(
        study.clients.drop(columns="jobcentre"), tiny.clients.drop(columns="jobcentre")
    )
    expected = tiny.responses.assign(
        health_coping=tiny.responses["health_coping"].mask(tiny.responses.index < 2),
        caseworker=tiny.responses["caseworker"].replace("c3", "cæ3"),
    )
    pd.testing.assert_frame_equal(study.responses, expected)


def test_the_mapping_can_say_what_a_declared_missing_value_means(folder):
    for table in ("clients", "responses"):
        (folder / f"{table}.csv").unlink()
        shutil.copy(HAVEN / f"{table}.dta", folder)
    mapping = {
        "clients": {"codes": {"civil_status": {"uoplyst": "single"}}},
        "responses": {"missing": [".a"], "codes": {"health_coping": {".b": 3}}},
    }
    assert bip.check_study(folder, mapping).empty
    study = bip.read_study(folder, mapping)
    assert study.clients["civil_status"][3] == "single"
    assert study.responses["health_coping"][:3].tolist() == [pd.NA, 3, 5]


# Labels


def test_a_code_without_a_label_is_a_problem_at_its_observation(folder):
    path = replaced(folder, "clients", ".sav")
    rewritten(path, lambda frame: frame.assign(sex=[1, 2, 3, 2, 1, 3], jobcentre=[1, 2, 7, 1, 2, 1]))
    problems = bip.check_study(folder)
    assert problems[["column", "rule", "rows", "example"]].to_numpy().tolist() == [
        ["jobcentre", "unlabelled_code", [3], "7"],
        ["sex", "unlabelled_code", [3, 6], "3"],
    ]
    with pytest.raises(bip.DataProblems, match=r"2 values have no label .*\(observations 3, 6; e\.g\. 3\)"):
        bip.read_study(folder)
    codes = {"clients": {"codes": {"sex": {"3": "male"}, "jobcentre": {"7": "Faxe"}}}}
    assert bip.read_study(folder, codes).clients["sex"].tolist() == [
        "female",
        "male",
        "male",
        "male",
        "female",
        "male",
    ]


def test_a_label_that_is_no_level_shows_itself_and_the_levels(folder):
    rewritten(replaced(folder, "clients", ".sav"), labels={"sex": {1.0: "Kvinde", 2.0: "Andet"}})
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["example"], problem["rows"]) == ("unknown_level", "2 = Andet", [2, 4, 6])
    assert "the levels are female, male" in problem["fix"]
    codes = {"clients": {"codes": {"sex": {"Andet": "male"}}}}
    assert bip.read_study(folder, codes).clients.equals(tiny_study().clients)


@pytest.mark.parametrize(
    "words", [("KVINNA", "man"), ("Female", "Male"), ("kvinde", "MAND"), ("female", "male")]
)
def test_labels_in_any_language_and_case(folder, words):
    labels = {"sex": {1.0: words[0], 2.0: words[1]}}
    rewritten(replaced(folder, "clients", ".sav"), labels=labels)
    assert bip.read_study(folder).clients["sex"].equals(tiny_study().clients["sex"])


def test_labels_of_yes_and_no_decide_and_other_labels_do_not(folder):
    """1 = "Nej", 2 = "Ja" is no flag by its codes, and 0 = "Ja", 1 = "Nej" would be its contrary."""
    flag = tiny_study().clients["convicted"].astype(float)
    columns = {"convicted": 1 - flag, "mental_diagnosis": flag + 1, "musculoskeletal_diagnosis": flag}
    path = replaced(folder, "clients", ".sav", **columns)
    labels = {
        "convicted": {0.0: "Ja", 1.0: "Nej"},
        "mental_diagnosis": {1.0: "no", 2.0: "YES"},
        "musculoskeletal_diagnosis": {0.0: "none", 1.0: "some"},
    }
    rewritten(path, labels=labels)
    clients = bip.read_study(folder).clients
    for name in labels:
        assert clients[name].tolist() == tiny_study().clients["convicted"].tolist()
    rewritten(path, labels={"convicted": {0.0: "Ja", 2.0: "Nej"}}, change=lambda f: f.assign(convicted=2.0))
    assert not bip.read_study(folder).clients["convicted"].any()


def test_numbers_and_identifiers_go_by_the_code_whatever_its_label(folder):
    numbers = tiny_study().responses["caseworker"].str.removeprefix("c").astype(float)
    path = replaced(folder, "responses", ".sav", caseworker=numbers)
    rewritten(path, labels={"caseworker": {1.0: "Anna", 2.0: "Bo"}, "network": {1.0: "5", 5.0: "1"}})
    responses = bip.read_study(folder).responses
    assert responses["caseworker"].unique().tolist() == ["1", "2", "3"]
    assert responses["network"].equals(tiny_study().responses["network"])


def test_columns_that_the_codebook_does_not_know_keep_labels_where_all_values_have_one(folder):
    path = replaced(folder, "clients", ".sav", region=[1.0, 2, 1, 2, 9, 1], wave=[1.0, 2, 3, 1, 2, 3])
    labels = {"region": {1.0: "Skåne", 2.0: "Fyn", 9.0: "vet ej"}, "wave": {1.0: "first"}}
    rewritten(path, labels=labels, missing_ranges={"region": [9.0]})
    with pytest.warns(bip.DataWarning, match="unknown_column"):
        clients = bip.read_study(folder).clients
    assert clients["region"].tolist() == ["Skåne", "Fyn", "Skåne", "Fyn", pd.NA, "Skåne"]
    assert clients["wave"].tolist() == [1, 2, 3, 1, 2, 3]
    problems = bip.check_study(folder)
    found = problems.loc[problems["rule"] == "user_missing"].iloc[0]
    assert (found["column"], found["rows"], found["example"]) == ("region", [5], "9 = vet ej")


def test_what_is_declared_missing_cannot_stand_where_a_value_must(folder):
    path = replaced(folder, "clients", ".sav")
    rewritten(path, missing_ranges={"sex": [2.0], "birth_year": [{"lo": 1960, "hi": 1966}]})
    problems = bip.check_study(folder)
    rules = set(zip(problems["column"], problems["rule"], problems["n_rows"], strict=True))
    assert rules == {
        ("sex", "user_missing", 3), ("sex", "missing_value", 3),
        ("birth_year", "user_missing", 2), ("birth_year", "missing_value", 2),
    }  # fmt: skip


def test_labels_and_missing_values_that_are_text(folder):
    path = replaced(folder, "clients", ".sav", sex=["k", "m  ", "k", "m", "k", "x"])
    rewritten(path, labels={"sex": {"k": "Kvinde", "m": "Mand"}}, missing_ranges={"sex": ["x"]})
    problems = bip.check_study(folder)
    assert set(problems["rule"]) == {"user_missing", "missing_value"}
    assert problems["rows"].tolist() == [[6], [6]]


# Dates, numbers and text as these programs store them


def test_text_is_stripped_and_identifiers_keep_their_zeros(folder):
    for table in ("clients", "responses", "assignments", "interventions", "register"):
        ids = getattr(tiny_study(), table)["client"].str.replace("k", "00")
        replaced(folder, table, ".sav", client=ids + "    ")
    assert bip.read_study(folder).clients["client"].tolist() == [f"00{n}" for n in range(1, 7)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_dates_before_the_epoch_and_beyond_the_calendar(folder, suffix):
    """1959 is before Stata's day 0; a number of days past the year 9999 is no date and does not stop the reading."""
    path = replaced(folder, "clients", suffix, enrolled=[1.0] * 6)
    day = {".dta": 1.0, ".sav": 86_400.0}[suffix]
    origin = {".dta": pd.Timestamp("1960-01-01"), ".sav": datetime.datetime(1582, 10, 14)}[suffix]
    there = (datetime.datetime(1959, 12, 31) - origin).days
    days = np.array([there, there + 19_758, 5e6, np.nan, there + 19_758.5, np.nan]) * day
    reader, writer = {
        ".dta": (pyreadstat.read_dta, pyreadstat.write_dta),
        ".sav": (pyreadstat.read_sav, pyreadstat.write_sav),
    }[suffix]
    frame, about = reader(path)
    form = {"enrolled": {".dta": "%td", ".sav": "DATE11"}[suffix]}
    frame = frame.assign(enrolled=days)
    writer(frame, path, variable_value_labels=about.variable_value_labels, variable_format=form)
    problems = bip.check_study(folder).set_index("rule")
    assert problems.loc["register_not_covering", "rows"] == [1]
    assert problems.loc["unreadable_date", "rows"] == [3, 5]
    assert problems.loc["missing_date", "rows"] == [4, 6]


def test_a_number_without_a_date_format_is_no_date(folder):
    replaced(folder, "clients", ".dta", enrolled=[19729.0, 19757, 19764, 19787, 19814, 19858])
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["example"]) == ("unreadable_date", "19729")


def test_a_time_of_day_is_not_cut_off(folder):
    enrolled = pd.to_datetime(tiny_study().clients["enrolled"]) + pd.Timedelta(hours=8)
    path = replaced(folder, "clients", ".sav")
    rewritten(path, lambda frame: frame.assign(enrolled=enrolled))
    assert only(bip.check_study(folder))["rule"] == "unreadable_date"


def test_single_precision_integers_and_identifiers(folder):
    """Stata's default type is the float: 1970 and 7 are stored as 1970.0 and 7.0."""
    clients = tiny_study().clients
    plain = {
        "client": clients["client"].str.removeprefix("k").astype("float32"),
        "jobcentre": clients["jobcentre"].astype(object),
        "enrolled": clients["enrolled"].dt.strftime("%Y-%m-%d"),
        "sex": clients["sex"].astype(object),
        "birth_year": clients["birth_year"].astype("float32"),
        "civil_status": clients["civil_status"].astype(object).fillna(""),
        "origin": clients["origin"].astype(object),
    }
    rest = clients.drop(columns=list(plain)).astype("Float64").astype("float32")
    (folder / "clients.csv").unlink()
    pd.DataFrame(plain).join(rest).to_stata(folder / "clients.dta", write_index=False, version=118)
    mapping = {"clients": {"codes": {"client": {str(n): f"k{n}" for n in range(1, 7)}}}}
    read = bip.read_study(folder, mapping).clients
    shares = ["job_share_5y", "support_share_5y"]
    pd.testing.assert_frame_equal(read.drop(columns=shares), clients.drop(columns=shares))
    # A single-precision share is what the file holds, not what was meant.
    np.testing.assert_array_equal(read[shares], clients[shares].astype("float32").astype("float64"))


def test_old_stata_files_are_read_as_windows_1252_with_a_warning_unless_declared(folder):
    path = replaced(folder, "clients", ".dta")
    clients = tiny_study().clients
    plain = clients.select_dtypes(exclude=["boolean", "Int16"]).astype({"client": object})
    plain["enrolled"] = plain["enrolled"].dt.strftime("%Y-%m-%d")
    numbers = clients.select_dtypes(["boolean", "Int16"]).astype("Float64").astype("float64")
    plain.join(numbers).to_stata(path, write_index=False, version=117)
    problem = only(bip.check_study(folder))
    assert (problem["rule"], problem["severity"]) == ("encoding_assumed", "warning")
    assert bip.read_study(folder, {"encoding": "cp1252"}).clients.equals(clients)
    problem = only(bip.check_study(folder, {"encoding": "utf-8"}))
    assert (problem["rule"], problem["severity"]) == ("unreadable_file", "error")
    assert "declare its encoding" in problem["fix"]


def test_the_encoding_that_a_file_names_stands_before_that_of_the_mapping(folder):
    replaced(folder, "clients", ".sav")
    replaced(folder, "responses", ".dta")
    for table in ("assignments", "interventions", "register"):
        path = folder / f"{table}.csv"
        path.write_text(path.read_text(encoding="utf-8"), encoding="cp1252")
    assert bip.read_study(folder, {"encoding": "cp1252"}) == tiny_study()


def test_text_in_no_encoding_is_said(folder):
    path = replaced(folder, "clients", ".sav")
    path.write_bytes(path.read_bytes().replace("ø".encode(), b"\xf8 "))
    problem = only(bip.check_study(folder))
    assert problem["rule"] == "unreadable_file" and 'encoding = "cp1252"' in problem["fix"]
    assert "Sø nderborg" in set(bip.read_study(folder, {"encoding": "cp1252"}).clients["jobcentre"])


# Files that cannot be read


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [0, 10, 400, -600])
def test_empty_and_truncated_files(folder, suffix, size):
    path = replaced(folder, "responses", suffix)
    path.write_bytes(path.read_bytes()[:size])
    problem = only(bip.check_study(folder))
    assert (problem["table"], problem["rule"], problem["severity"]) == (
        "responses",
        "unreadable_file",
        "error",
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_content_and_folders(folder, suffix):
    path = replaced(folder, "responses", suffix)
    path.write_bytes(b"client,date\nk1,2014-01-06\n" * 99)
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"
    path.unlink()
    path.mkdir()
    assert only(bip.check_study(folder))["rule"] == "unreadable_file"


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".xlsx"])
def test_two_files_for_one_table_are_ambiguous(folder, suffix):
    shutil.copy(folder / "clients.csv", folder / f"clients{suffix}")
    problem = only(bip.check_study(folder))
    assert (problem["table"], problem["rule"]) == ("clients", "table_ambiguous")


@pytest.mark.parametrize(
    ("suffix", "name"), [(".dta", "pyreadstat"), (".sav", "pyreadstat"), (".xlsx", "openpyxl")]
)
def test_a_library_that_is_not_installed_is_one_error(tmp_path, monkeypatch, capsys, suffix, name):
    folder = write_study(tiny_study().tables(), tmp_path / "study", suffix)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        bip.BipstatsError, match=rf'{name}, which is not installed.*pip install "bipstats\[io\]"'
    ):
        bip.check_study(folder)
    assert main(["check", str(folder)]) == 2
    assert capsys.readouterr().err.count(name) == 1


def test_writing_replaces_files_of_every_format(tmp_path):
    folder = write_study(tiny_study().tables(), tmp_path / "study", ".sav")
    tiny_study().to_folder(folder, overwrite=True)
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv"] * 5
    assert bip.read_study(folder) == tiny_study()
