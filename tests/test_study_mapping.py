"""The user's own column names, codes, dates and scales; and what a mapping may not say."""

from __future__ import annotations

import pandas as pd
import pytest
from broken import put, read_lines, write_lines, write_tiny
from tiny import tiny_study, tiny_tables

import bipstats as bip
from bipstats.study.mapping import read_mapping

TABLES = list(tiny_tables())


@pytest.fixture(scope="module")
def study():
    return tiny_study()


@pytest.fixture
def folder(tmp_path):
    return write_tiny(tmp_path / "study")


def only(problems: pd.DataFrame) -> pd.Series:
    assert len(problems) == 1, problems.to_string()
    return problems.iloc[0]


MAPPING = """
date_format = "%d/%m-%Y"
separator = "|"

[clients]
missing = [9]
[clients.columns]
client = "id"
sex = "koen"
[clients.codes.sex]
1 = "male"
2 = "female"
[clients.codes.jobcentre]
"Århus" = "Aarhus"

[responses.columns]
network = "q11"
[responses.codes.health_coping]
99 = ""
[responses.scale]
network = [0, 4]
cooperation = [5, 1]
everyday_coping = [0, 100]
"""


def test_columns_codes_dates_missing_values_and_scales_of_the_user(study, folder, tmp_path):
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, encoding="utf-8")
    clients = read_lines(folder, "clients")
    at = {name: position for position, name in enumerate(clients[0])}
    for line in clients[1:]:
        line[at["sex"]] = {"male": "1", "female": "2"}[line[at["sex"]]]
        line[at["jobcentre"]] = line[at["jobcentre"]].replace("Aarhus", "Århus")
        line[at["civil_status"]] = line[at["civil_status"]] or "9"
    clients[0][at["client"]], clients[0][at["sex"]] = "id", "koen"
    responses = read_lines(folder, "responses")
    at = {name: position for position, name in enumerate(responses[0])}
    scales = {
        "network": lambda x: x - 1,
        "cooperation": lambda x: 6 - x,
        "everyday_coping": lambda x: 25 * (x - 1),
    }
    for line in responses[1:]:
        for name, scale in scales.items():
            line[at[name]] = line[at[name]] and str(scale(int(line[at[name]])))
    responses[0][at["network"]] = "q11"
    expected = study.responses.copy()
    expected.loc[0, "health_coping"] = pd.NA
    responses[1][at["health_coping"]] = "99"
    write_lines(folder, "clients", clients)
    write_lines(folder, "responses", responses)
    for table in TABLES:
        lines = read_lines(folder, table)
        text = "\n".join("|".join(map(danish_date, line)) for line in lines)
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    read = bip.read_study(folder, mapping=path)
    pd.testing.assert_frame_equal(read.responses, expected)
    assert read.clients.equals(study.clients)
    assert read.assignments.equals(study.assignments)


def danish_date(text: str) -> str:
    parts = text.split("-")
    return f"{parts[2]}/{parts[1]}-{parts[0]}" if len(parts) == 3 else text


def test_answers_between_the_steps_of_a_scale_are_an_error_and_codes_the_cure(study, folder):
    lines = read_lines(folder, "responses")
    put("network", _2="10", _3="4", _5="11")(lines)
    write_lines(folder, "responses", lines)
    problems = bip.check_study(folder, {"responses": {"scale": {"network": [0, 10]}}}).set_index("rule")
    # Of the tiny study's own 1-5, only 5 is a step of 0, 2.5, 5, 7.5, 10.
    assert problems.loc["score_range", "rows"] == [5]
    assert problems.loc["off_scale", "rows"][0] == 3
    assert problems.loc["off_scale", "example"] == "4"
    codes = {"responses": {"codes": {"network": {"10": 5, "11": ""}}}}
    assert bip.read_study(folder, codes).responses["network"][0] == 5


def test_a_column_of_the_mapping_that_the_file_does_not_have(folder):
    problem = only(bip.check_study(folder, {"clients": {"columns": {"sex": "koen"}}}))
    assert (problem["column"], problem["rule"]) == ("sex", "mapped_column_missing")


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"separater": ";"}, "separater: unknown key"),
        ({"encoding": "utf-88"}, "not an encoding"),
        ({"separator": ";;"}, "one ASCII character"),
        ({"date_format": 3}, "must be text"),
        ({"date_format": "dd-mm-yyyy"}, "gives no day, month and year"),
        ({"date_format": "%m/%Y"}, "gives no day, month and year"),
        ({"date_format": "%d-%m-%Y %"}, "gives no day, month and year"),
        ({"clients": 3}, "clients: must be a table"),
        ({"clients": {"column": {}}}, "clients.column: unknown key"),
        ({"clients": {"columns": {"gender": "koen"}}}, "clients has no column of that name"),
        ({"clients": {"columns": {"sex": 1}}}, "must be the name of a column"),
        ({"clients": {"columns": {"sex": "a", "origin": "a"}}}, "'a' is named for two columns"),
        ({"clients": {"columns": []}}, "must be a table, column by column"),
        ({"clients": {"codes": {"sex": "x"}}}, "value in the file = value in the study"),
        ({"clients": {"missing": 9}}, "must be a list"),
        ({"clients": {"scale": [0, 4]}}, "only responses have an answer scale"),
        ({"responses": {"scale": {"date": [0, 4]}}}, "no indicator of that name"),
        ({"responses": {"scale": [3, 3]}}, "two different numbers"),
        ({"responses": {"scale": {"network": [True, 4]}}}, "two different numbers"),
    ],
)
def test_a_mapping_with_anything_unknown_is_refused(mapping, said):
    with pytest.raises(bip.OptionError, match=said):
        read_mapping(mapping)


def test_all_problems_of_a_mapping_at_once_and_unreadable_files(tmp_path):
    with pytest.raises(bip.OptionError) as raised:
        read_mapping({"x": 1, "y": 2})
    assert str(raised.value).count("unknown key") == 2
    (tmp_path / "m.toml").write_text("x = ")
    for path in (tmp_path / "m.toml", tmp_path / "none.toml", tmp_path):
        with pytest.raises(bip.OptionError, match="cannot be read"):
            read_mapping(path)
