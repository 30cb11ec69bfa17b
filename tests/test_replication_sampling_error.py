"""The assumed sampling error: how it is made, and the file that the ledger reads."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.calibration.choice import distances, judged
from bipstats.calibration.sampling_error import as_toml, main, one_study, spread, studies_of
from bipstats.replication.analyses import ANALYSES
from bipstats.replication.estimate import Estimate

CLIENTS = 250


def test_spread_is_that_of_the_studies_and_recurs() -> None:
    table = spread(studies_of(2, clients=CLIENTS, show=False).values()).set_index("quantity")
    seeds = np.random.SeedSequence(20130101).spawn(2)
    values = [one_study(np.random.default_rng(seed), CLIENTS)["mental diagnosis"].value for seed in seeds]
    # two values: sd = |a - b| / sqrt(2)
    assert_allclose(table.loc["mental diagnosis", "sd"], abs(values[0] - values[1]) / np.sqrt(2))
    assert_allclose(table.loc["mental diagnosis", "mean"], np.mean(values))
    assert table.loc["mental diagnosis", "studies"] == 2


def test_the_file_says_what_the_table_says() -> None:
    table = pd.DataFrame(
        {"quantity": ["x"], "scale": ["ratio"], "sd": [0.125], "mean": [-0.5], "studies": [7]}
    )
    text = as_toml(table, 7, 4000)
    assert "--studies 7" in text.splitlines()[1]
    assert tomllib.loads(text)["estimate"] == table.to_dict("records")


def test_the_command_writes_where_it_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("bipstats.calibration.sampling_error.CLIENTS", 400)
    monkeypatch.setattr("bipstats.calibration.sampling_error.UNSELECTED", (1,))
    options = [
        "--studies",
        "2",
        "--checkpoint",
        str(tmp_path / "studies"),
        "--chosen",
        str(tmp_path / "chosen.toml"),
    ]
    main([*options, "--out", str(tmp_path / "made.toml")])
    content = tomllib.loads((tmp_path / "made.toml").read_text(encoding="utf-8"))
    assert {"mental diagnosis", "belief 1"} <= {row["quantity"] for row in content["estimate"]}
    main([*options, "--out", str(tmp_path / "again.toml")])  # from the finished studies
    assert (tmp_path / "again.toml").read_bytes() == (tmp_path / "made.toml").read_bytes()


def test_the_codebooks_file_is_complete_and_assumed() -> None:
    known = bip.codebook.sampling_error()
    made = {name for names in ANALYSES.values() for name in names}
    assert set(known["quantity"]) == made
    assert set(known["status"]) == {"assumed"}
    assert (known["sd"] > 0).all()
    assert (known["studies"] >= 90).all()  # of 100; a study can lack an estimate


def test_the_nearest_study_is_chosen_by_its_gaps_in_sampling_errors() -> None:
    wanted = judged()
    errors = pd.DataFrame({"quantity": list(wanted), "sd": 0.1})

    def study(away: float) -> dict[str, Estimate]:
        return {name: Estimate(ends[1] + away, 0.1, 9, "share") for name, ends in wanted.items()}

    lacking = study(0.0)
    del lacking["switch"]
    found = distances({3: study(0.2), 4: study(-1e-9), 5: study(0.1), 6: lacking}, errors)
    # squares of 0.2/0.1 and 0.1/0.1; inside what rounds to the figure there is no gap; a study without a figure is out
    assert found.round(6).to_dict() == {4: 0.0, 5: 1.0, 3: 4.0}
