"""The codebook: complete, sourced, consistent with itself, and out of its readers' reach."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from bipstats import codebook
from bipstats.errors import OptionError

LISTS = {
    "indicators": codebook.indicators,
    "interventions": codebook.interventions,
    "background": codebook.background,
    "published": codebook.published,
    "design": codebook.design,
}
STATUSES = {"published", "derived", "assumed"}


@pytest.fixture
def figures():
    return codebook.published().set_index("id")


# --- constants -------------------------------------------------------------------------------------------


def test_the_published_counts():
    """9 questions to the client, 11 to the caseworker, 21 interventions as 9 + 4 + 4 + 4, 10 job centres."""
    assert len(codebook.INDICATORS) == 11
    assert len(codebook.CLIENT_ITEMS) == 9
    assert len(codebook.CASEWORKER_ITEMS) == 11
    assert len(codebook.BACKGROUND) == 10
    assert len(codebook.LEVELS["jobcentre"]) == 10
    kinds = list(codebook.INTERVENTION_TYPES.values())
    assert [kinds.count(kind) for kind in ("job", "upgrading", "social", "health")] == [9, 4, 4, 4]
    assert list(codebook.INTERVENTION_TYPES) == list(range(1, 22))


def test_constants_cannot_be_changed():
    for mapping in (codebook.LEVELS, codebook.REFERENCE_RATER, codebook.INTERVENTION_TYPES):
        with pytest.raises(TypeError):
            mapping["sex"] = ()


def test_the_lists_agree_with_the_constants():
    items = codebook.indicators()
    assert tuple(items["key"]) == codebook.INDICATORS
    assert tuple(items.loc[items["asked_client"], "key"]) == codebook.CLIENT_ITEMS
    assert tuple(items.loc[items["asked_caseworker"], "key"]) == codebook.CASEWORKER_ITEMS
    assert dict(zip(items["key"], items["reference"], strict=True)) == codebook.REFERENCE_RATER
    done = codebook.interventions()
    assert dict(zip(done["code"], done["type"], strict=True)) == codebook.INTERVENTION_TYPES
    assert tuple(codebook.background()["key"]) == codebook.BACKGROUND


def test_the_import_needs_no_pandas():
    code = "import bipstats.codebook, sys; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- lists and labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_every_row_has_a_status_and_known_sources(name):
    table = LISTS[name]()
    known = set(codebook.sources()["key"])
    assert set(table["status"]) <= STATUSES
    for cell in table["source"]:
        assert cell and set(cell.split("; ")) <= known


@pytest.mark.parametrize("lang", codebook.LANGUAGES)
@pytest.mark.parametrize("name", ["indicators", "interventions", "background"])
def test_labels_are_there_and_distinct(name, lang):
    labels = LISTS[name](lang)["label"]
    assert labels.str.strip().ne("").all()
    assert labels.is_unique


@pytest.mark.parametrize("name", ["indicators", "interventions"])
def test_labels_say_whether_they_are_ours(name):
    for lang in codebook.LANGUAGES:
        assert set(LISTS[name](lang)["label_status"]) <= {"published", "assumed"}
    assert (codebook.interventions("da")["label_status"] == "published").all()
    assert (codebook.interventions("en")["label_status"] == "assumed").all()


def test_what_is_assumed_about_the_indicators():
    items = codebook.indicators().set_index("key")
    assert items.index[items["status"] == "assumed"].tolist() == ["network"]
    assert (items["asked_status"] == "assumed").all()


def test_significant_splits_nine_and_two():
    """The slides name six client and three caseworker indicators."""
    chosen = codebook.indicators(significant=True)
    assert chosen["reference"].value_counts().to_dict() == {"client": 6, "caseworker": 3}
    assert codebook.indicators(significant=False)["key"].tolist() == ["everyday_coping", "network"]


def test_levels_in_the_background_start_with_the_reference():
    levels = codebook.background().set_index("key")["levels"]
    assert levels["sex"] == "female; male"
    assert levels["age"] == ""


@pytest.mark.parametrize("call", [codebook.indicators, codebook.published, codebook.background])
def test_an_unknown_language_names_the_choices(call):
    with pytest.raises(OptionError, match=r"lang='no'.*'en', 'sv', 'da'"):
        call("no")


def test_significant_must_be_a_truth_value():
    with pytest.raises(OptionError, match="significant='yes'"):
        codebook.indicators(significant="yes")


@pytest.mark.parametrize("lang", codebook.LANGUAGES)
def test_everything_a_plot_may_meet_has_a_label(lang):
    keys = [
        *codebook.INDICATORS,
        *(f"{key}_client" for key in codebook.CLIENT_ITEMS),
        *(f"{key}_caseworker" for key in codebook.CASEWORKER_ITEMS),
        *codebook.BACKGROUND,
        *codebook.LEVELS,
        *(level for levels in codebook.LEVELS.values() for level in levels),
        *codebook.CLASSES,
        *codebook.EXITS,
        *codebook.dream().names,
        *codebook.INTERVENTION_TYPES,
    ]
    assert all(codebook.label(key, lang).strip() for key in keys if key != "respondent")
    assert len({codebook.label(key, lang, kind="exit") for key in codebook.EXITS}) == len(codebook.EXITS)
    assert len({codebook.label(key, lang, kind="state") for key in codebook.dream().names}) == len(
        codebook.dream().names
    )


def test_a_label_is_looked_up_where_it_is_asked_for():
    assert codebook.label("job") == "Job"
    assert codebook.label("job", kind="type") == "Job-oriented"
    assert codebook.label("job_search_client", "da") == "Søger job (borger)"


def test_an_unknown_key_is_answered_with_near_ones():
    with pytest.raises(OptionError, match=r"'job_serch'.*close to 'job_search'"):
        codebook.label("job_serch")
    with pytest.raises(OptionError, match="kind='colour'"):
        codebook.label("job", kind="colour")
    with pytest.raises(OptionError, match="caseworker_belief_client"):
        codebook.label("caseworker_belief_client")  # the client is not asked


# --- published figures -----------------------------------------------------------------------------------


def test_every_figure_is_there_once(figures):
    expected = {f"E{number:02d}" for number in range(1, 35)} | {"E01b", "E01c", "E02b", "E09d", "E34b"}
    assert set(figures.index) == expected
    assert figures.index.is_unique


def test_every_published_figure_has_its_sources_words(figures):
    public = figures[figures["status"] == "published"]
    assert public["quote"].str.len().gt(10).all()
    assert set(public["quote_language"]) == {"da", "sv", "en"}
    assert figures.index[figures["status"] == "derived"].tolist() == ["E09d", "E14"]
    assert not (figures["status"] == "assumed").any()


@pytest.mark.parametrize("lang", codebook.LANGUAGES)
def test_no_cell_of_text_is_missing(lang):
    table = codebook.published(lang)
    always = ["statement", "unit", "scale", "kind", "horizon", "population", "definition"]
    assert table[always].map(len).gt(0).all(axis=None)
    assert table["statement"].is_unique
    assert set(table["kind"]) == {"effect", "level", "sign", "rank"}


def test_values_are_the_numbers_of_the_quotes(figures):
    """A share is quoted in per cent, a ratio as the change in per cent; E09 and E29 are quoted in words."""
    numbers = figures[(figures["status"] == "published") & figures["value"].notna()].drop(["E09", "E29"])
    for row in numbers.itertuples():
        percent = 100 * (abs(row.value - 1) if row.unit == "ratio" else row.value)
        quoted = [float(n.replace(",", ".")) for n in re.findall(r"\d+(?:,\d+)?", row.quote)]
        assert any(abs(percent - number) < 1e-9 for number in quoted), row.Index


def test_a_figure_without_a_number_says_so_in_its_kind_or_its_parts(figures):
    wordless = figures[figures["value"].isna() & (figures["parts"].map(len) == 0)]
    assert wordless.index.tolist() == ["E23", "E24", "E25", "E26", "E27", "E28", "E30", "E31"]
    assert figures.loc["E34b", "parts"] == {
        "musculoskeletal disorder": 0.20,
        "convicted, men": 0.25,
    }


def test_the_arithmetic_of_the_notes(figures):
    """28.45 - 14.76 is 13.69, not the printed 14.69; 23 + 34 + 24 + 18 = 99; 23 + 34 = 57."""
    value = figures["value"]
    assert value["E12"] - value["E11"] == pytest.approx(0.1369)
    assert value["E13"] == 0.1469
    assert "13.69, not the printed 14.69" in figures.loc["E13", "note"]
    assert value[["E17", "E18", "E19", "E20"]].sum() == pytest.approx(0.99)
    assert value["E17"] + value["E18"] == pytest.approx(value["E21"])
    assert value["E14"] == pytest.approx(value["E12"] / value["E11"], abs=5e-5)
    assert value["E09d"] == pytest.approx(1 - value[["E07", "E08", "E09"]].sum())
    assert value["E02"] ** 4 == pytest.approx(3.13, abs=0.005)


def test_the_mixture_of_contradiction_14(figures):
    """What the 44 % between must average if 27 % and 1 % hold for the extremes."""
    value = figures["value"]
    extremes = value["E07"] * value["E06"] + value["E09"] * value["E05"]
    between = 1 - value["E07"] - value["E09"]
    assert (value["E10"] - extremes) / between == pytest.approx(0.088, abs=5e-4)
    assert (value["E11"] - extremes) / between == pytest.approx(0.29, abs=5e-3)


def test_contradictions_name_figures_and_sources_that_exist(figures):
    table = codebook.contradictions()
    assert table["number"].tolist() == list(range(1, 21))
    known = set(codebook.sources()["key"])
    for row in table.itertuples():
        assert row.statement and row.treatment
        assert set(row.sources.split("; ")) <= known
        assert set(filter(None, row.figures.split("; "))) <= set(figures.index)


def test_background_names_figures_that_exist(figures):
    for cell in codebook.background()["figures"]:
        assert set(filter(None, cell.split("; "))) <= set(figures.index)


def test_the_design_keeps_its_conflicts():
    table = codebook.design().set_index("key")
    assert table.loc["clients", "value"] == 4000
    assert "5,512" in table.loc["clients", "conflicts"]
    assert "drygt 400" in table.loc["caseworkers", "conflicts"]
    asked = table.loc["questionnaires_per_client"]
    assert asked["value"] == table.loc["questionnaires", "value"] / table.loc["clients", "value"]
    assert asked["status"] == "derived"
    for name in codebook.LEVELS["jobcentre"]:
        assert name in table.loc["job_centres", "statement"]


@pytest.mark.parametrize("name", LISTS)
def test_a_reader_cannot_change_what_the_next_one_reads(name):
    before = LISTS[name]()
    spoilt = LISTS[name]()
    spoilt.iloc[:, 1] = spoilt.iloc[::-1, 1].to_numpy()
    if "parts" in spoilt:
        spoilt.loc[spoilt["id"] == "E15", "parts"].item().clear()
    assert LISTS[name]().equals(before)


# --- schema and formula ----------------------------------------------------------------------------------


def test_the_five_tables():
    names = {
        table: [column.name for column in codebook.schema(table)]
        for table in ("clients", "responses", "assignments", "interventions", "register")
    }
    assert names["clients"][:5] == ["client", "jobcentre", "enrolled", "sex", "birth_year"]
    assert set(names["clients"][3:]) == {*codebook.BACKGROUND, "birth_year", "trained"} - {"age"}
    optional = [c.name for c in codebook.schema("clients") if not c.required]
    assert optional == ["trained"]
    assert names["responses"] == ["client", "caseworker", "date", "respondent", *codebook.INDICATORS]
    assert names["register"] == ["client"]
    with pytest.raises(OptionError, match="table='answers'"):
        codebook.schema("answers")


def test_columns_carry_what_their_kind_needs():
    for table in ("clients", "responses", "assignments", "interventions", "register"):
        for column in codebook.schema(table):
            assert not column.levels or column.kind == "category"
            assert column.levels or column.kind != "category" or column.name == "jobcentre"  # any label
            assert (column.low is not None) == (column.kind in {"score", "share", "year", "code"})
            assert column.kind != "id" or not column.nullable


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("jobcentre",), "C(jobcentre)"),
        (("x",), "x"),
        (("x + bs(a + b, 3)", "jobcentre"), "x + bs(a + b, 3) + C(jobcentre)"),
        (("a", "b + a", "a"), "a + b"),
        (("age:sex", " age "), "age:sex + age"),
    ],
)
def test_formula_joins_terms_once(parts, expected):
    assert codebook.formula(*parts) == expected


def test_formula_names_all_keys():
    joined = codebook.formula("indicators", "background", "caseworker_belief")
    assert joined.split(" + ") == [*codebook.INDICATORS, *codebook.BACKGROUND]


@pytest.mark.parametrize("parts", [(), ("",), ("age", "  "), (None,)])
def test_formula_refuses_what_is_no_part(parts):
    with pytest.raises(OptionError, match="'indicators', 'background', 'jobcentre'"):
        codebook.formula(*parts)


# --- register codes --------------------------------------------------------------------------------------

USER_FILE = """
status = "published"
source = "the user's guide"
[states.job]
exit = ""
[states.self_support]
exit = ""
[states.education]
codes = [651]
exit = ""
[states.sick]
codes = ["890-892", 899]
exit = "other"
"""


@pytest.fixture
def user_file(tmp_path):
    def write(text):
        path = tmp_path / "codes.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_shipped_codes_are_assumed_and_lead_to_exits():
    codes = codebook.dream()
    assert codes.status == "assumed"
    assert set(codes.exits.values()) - {""} <= set(codebook.EXITS)
    assert set(codes.states.values()) == set(codes.exits) - {"job", "self_support"}
    assert all(100 <= code <= 999 for code in codes.states)
    assert codes.exits["self_support"] == codes.exits["flexjob"] == "other"
    assert codes.exits["job"] == codes.exits["education"] == ""
    by_exit = {codes.exits[codes.states[code]] for code in (783, 997, 998, 999)}
    assert by_exit == {"pension", "emigration", "death"}


def test_codes_cannot_be_changed_and_travel():
    codes = codebook.dream()
    with pytest.raises(TypeError):
        codes.states[111] = "job"
    assert pickle.loads(pickle.dumps(codes)) == codes


def test_a_users_file_replaces_ours(user_file):
    codes = codebook.dream(user_file(USER_FILE))
    assert dict(codes.states) == {651: "education", 890: "sick", 891: "sick", 892: "sick", 899: "sick"}
    assert codes.names == ("job", "self_support", "education", "sick")
    assert codes.status == "published"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[651]", "[651, 891]", "codes 891: in education and in sick"),
        ('exit = "other"', 'exit = "retired"', r"states.sick.exit: 'retired' is not one of"),
        ('exit = "other"', 'exit = "other"\ncolour = 1', "states.sick.colour: unknown key"),
        ("899]", '"899-890"]', "states.sick.codes: '899-890' is no code"),
        ("899]", "99]", "states.sick.codes: 99 is no code"),
        ("899]", "true]", "states.sick.codes: True is no code"),
        ("codes = [651]", "", "states.education.codes: missing"),
        ("[states.job]", "[states.job]\ncodes = [100]", "states.job.codes: job is a rule"),
        ('[states.job]\nexit = ""', "", "states.job: missing"),
        ('[states.job]\nexit = ""', '[states.job]\nexit = "other"', "states.job.exit: 'other'"),
        ('[states.job]\nexit = ""', "[states]\njob = 3", "states.job: must be a table"),
        ('status = "published"', 'status = "sure"', "status: 'sure' is not one of"),
        ('source = "the user\'s guide"', "", "source: missing"),
        ("status =", "version = 2\nstatus =", "version: unknown key"),
        ("[651]", "[651", "not readable as TOML"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(user_file, old, new, message):
    assert old in USER_FILE
    with pytest.raises(OptionError, match=message):
        codebook.dream(user_file(USER_FILE.replace(old, new)))


def test_all_problems_come_in_one_error(user_file):
    text = USER_FILE.replace("[651]", "[651, 891]").replace('exit = "other"', 'exit = "gone"')
    with pytest.raises(OptionError) as error:
        codebook.dream(user_file(text))
    assert "codes.toml has 2 problems" in str(error.value)
    assert "891" in str(error.value) and "'gone'" in str(error.value)
