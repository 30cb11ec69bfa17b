"""`Truth`, its TOML form, the packaged worlds, and the released study."""

from __future__ import annotations

import gzip
import hashlib
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

import bipstats as bip
from bipstats.synthetic.release import chosen, release
from bipstats.synthetic.truth import WORLDS

RELEASED = Path(__file__).parent.parent / "synthetic"


@pytest.mark.parametrize("name", bip.scenarios())
def test_toml_round_trip(name, tmp_path):
    truth = bip.scenarios()[name]
    assert truth.name == name
    truth.to_toml(tmp_path / "truth.toml")
    assert bip.Truth.from_toml(tmp_path / "truth.toml") == truth


def test_worlds_differ_in_what_their_names_say():
    worlds = bip.scenarios()
    assert worlds["E2"] == bip.Truth()
    effects = {name: worlds[name].hazard.belief for name in WORLDS}
    assert effects["F"] == effects["S"] == 0 < effects["H"] < effects["N2"] < effects["E2"]
    assert worlds["N2"].caseworkers.effect_sd == 0.15
    assert worlds["S"].belief.private_sorting > 0.7
    assert len(set(worlds["RTM"].readiness.drift)) == 1
    for text in ("statement", "bias", "design"):
        assert len({getattr(world, text) for world in worlds.values()}) == len(worlds) == 10
    with pytest.raises(TypeError):
        worlds["E2"] = worlds["F"]


def test_every_parameter_is_documented():
    frame = bip.Truth().parameters()
    assert (frame[["meaning", "unit", "status"]] != "").all(axis=None)
    kinds = frame["status"].str.extract(r"^(published|derived|calibrated to|assumed)")[0]
    assert kinds.notna().all()
    truth = bip.Truth()
    assert len(frame) == sum(len(fields(section)) for section in truth.sections().values())


def test_all_broken_rules_are_named_at_once():
    truth = bip.Truth()
    with pytest.raises(bip.OptionError) as caught:
        replace(
            truth,
            belief=replace(truth.belief, cuts=(0.0, 1.0, 1.0, 2.0), answer_noise=-0.1),
            centres=replace(truth.centres, shares=(0.2,) * 10),
            background=replace(truth.background, mental=1.5, age_shape=(1.0,)),
            hazard=replace(truth.hazard, level=float("nan")),
            measurement=replace(truth.measurement, jitter_weeks=1.5),
            caseworkers=replace(truth.caseworkers, balanced=1, assignment="by size"),
            calendar=replace(truth.calendar, first_week="2013-01-01"),
            training=replace(truth.training, clients=0.5, caseworkers=0.5),  # contradicts itself
            exits=3,
        )
    message = str(caught.value)
    assert "12 problems" in message
    for part in (
        "belief.cuts = (0.0, 1.0, 1.0, 2.0): must be strictly rising",
        "belief.answer_noise = -0.1: must be 0 or more",
        "centres.shares",
        "summing to 1",
        "background.mental = 1.5: must be above 0 and below 1",
        "background.age_shape = (1.0,): must be 2 numbers",
        "hazard.level = nan: must be finite",
        "measurement.jitter_weeks = 1.5: must be a whole number",
        "caseworkers.balanced = 1: must be true or false",
        "caseworkers.assignment = 'by size': must be prospects or round robin",
        "calendar.first_week = '2013-01-01': must be the date YYYY-MM-DD of a Monday",
        "training: caseworkers or clients are drawn, not both",
        "exits = 3: must be a section Exits",
    ):
        assert part in message


def test_contradictions_are_refused():
    truth = bip.Truth()
    with pytest.raises(bip.OptionError, match="entry_first < entry_main"):
        replace(truth, calendar=replace(truth.calendar, entry_main=90))
    with pytest.raises(bip.OptionError, match="must not exceed 1"):
        replace(truth, answers=replace(truth.answers, trait_share=0.7))


def edited(tmp_path: Path, change) -> Path:
    path = tmp_path / "truth.toml"
    bip.Truth().to_toml(path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def test_unknown_and_missing_keys_are_named_at_once(tmp_path):
    def change(text: str) -> str:
        text = text.replace("half_life = 2.0", "halflife = 2.0").replace("[exits]", "[ways_out]")
        return text.replace('name = "E2"', "")

    with pytest.raises(bip.OptionError) as caught:
        bip.Truth.from_toml(edited(tmp_path, change))
    message = str(caught.value)
    for part in (
        "name: missing",
        "ways_out: unknown",
        "exits.other_level: missing",
        "switches.halflife: unknown",
        "switches.half_life: missing",
        'base = "E2"',
    ):
        assert part in message


def test_differences_from_a_world(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nbase = "H"\n[hazard]\nbelief = 1\n', encoding="utf-8")
    truth = bip.Truth.from_toml(path)
    half = bip.scenarios()["H"]
    assert truth == replace(half, name="mine", hazard=replace(half.hazard, belief=1.0))
    path.write_text('base = "E9"\n', encoding="utf-8")
    with pytest.raises(bip.OptionError, match="E2, N2, H, F, S, RTM, trouble, dropout"):
        bip.Truth.from_toml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not readable as TOML"),
        ('base = "E2"\nhazard = 3\n', "hazard: must be a table"),
        ('base = "E2"\nstatement = 3\n', "statement: must be a text"),
        ('base = "E2"\n[hazard]\nbelief = "strong"\n', "hazard.belief = 'strong': must be a number"),
        ('base = "E2"\n[belief]\ncuts = [1, 2, 3]\n', "must be 4 numbers"),
        ('base = "E2"\n[belief]\ncuts = [1, 2, 3, true]\n', "must be a number"),
        ("base = []\n", "is not a world"),
    ],
)
def test_unusable_files_are_refused(tmp_path, text, message):
    path = tmp_path / "truth.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(bip.OptionError, match=message):
        bip.Truth.from_toml(path)


@pytest.fixture(scope="module")
def anew(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    release(folder)
    return folder


def test_released_study_is_made_again(anew):
    for path in sorted((RELEASED / "csv").iterdir()):
        old, new = path.read_bytes(), (anew / "csv" / path.name).read_bytes()
        if path.suffix == ".gz":  # compression may differ between versions of zlib, content may not
            old, new = gzip.decompress(old), gzip.decompress(new)
        assert hashlib.sha256(old).hexdigest() == hashlib.sha256(new).hexdigest(), path.name
    assert (anew / "DATA_CARD.md").read_text("utf-8") == (RELEASED / "DATA_CARD.md").read_text("utf-8")


def test_release_is_deterministic(anew, tmp_path):
    release(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_bytes() == (anew / "SHA256SUMS").read_bytes()


def test_checksums_hold_for_the_released_files():
    lines = (RELEASED / "SHA256SUMS").read_text("utf-8").splitlines()
    assert len(lines) == 16
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((RELEASED / name).read_bytes()).hexdigest() == digest, name


def test_both_formats_hold_the_same_study():
    study = bip.load_synthetic()
    assert study == bip.read_study(RELEASED / "csv")
    anew = bip.simulate(rng=chosen()["seed"])
    assert study == anew
    assert bip.check_study(RELEASED / "csv").empty
    version = tomllib.loads((RELEASED / "parquet" / "version.toml").read_text("utf-8"))
    words = "nearest of 100 to the published figures"
    assert version == {"data": "1.0", "schema": 1, "world": "E2", "seed": chosen()["seed"], "chosen": words}
    assert sum(path.stat().st_size for path in RELEASED.rglob("*") if path.is_file()) < 8e6


@pytest.mark.parametrize(
    ("arguments", "value", "how"),
    [
        ({}, 1.0, "parameters of the packaged world E2, nothing intervened on"),
        ({"truth": bip.scenarios()["N2"]}, 1.0, "parameters of the packaged world N2, nothing intervened on"),
        ({"do": {"belief": 0}}, 1.0, "parameters of the packaged world E2, nothing intervened on"),
        ({"do": {"belief": 1}}, 0.0, "parameters of the packaged world E2, with an intervention (do=)"),
        (
            {"truth": replace(bip.Truth(), hazard=replace(bip.Truth().hazard, belief=0.1))},
            0.0,
            "parameters of no packaged world",
        ),
        (
            {"truth": replace(bip.Truth(), name="renamed")},
            1.0,
            "parameters of the packaged world E2, nothing intervened on",
        ),
    ],
)  # fmt: skip
def test_the_truth_says_whether_the_world_is_a_calibrated_one(arguments, value, how):
    row = bip.simulate(clients=20, rng=1, **arguments).truth.set_index("quantity").loc["calibrated_world"]
    assert (row["value"], row["how"]) == (value, f"{how}; exact")
