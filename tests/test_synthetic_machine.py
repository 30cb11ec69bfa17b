"""The same study on every machine, and exact counts at every size."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bipstats as bip
from bipstats.codebook import CLIENT_ITEMS

# sha256 of the tables of bip.simulate(clients=250, rng=1): dates as days, codes and levels as numbers.
CHECKSUMS = {
    "clients": "45dfb70bdb46eaa0",
    "responses": "999a0ca0ffb3e285",
    "assignments": "febe28fad5bf5ffc",
    "interventions": "f79e58825339ea8e",
    "register": "6d434f072fe607af",
}
OTHER_MACHINE = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX2 FMA3"
}
PROGRAM = "from tests.test_synthetic_machine import digests; print(digests())"


def whole_numbers(column: pd.Series) -> np.ndarray:
    """Give a column as int64: nothing of it is lost, and no text encoding matters."""
    if column.dtype.kind == "M":
        return column.to_numpy().astype("datetime64[D]").astype(np.int64)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(np.int64)
    if column.dtype.kind == "f":  # shares of 260 weeks
        return np.rint(column.to_numpy() * 260).astype(np.int64)
    if column.name in ("client", "caseworker"):
        return column.str[1:].astype(int).to_numpy(np.int64)
    return column.astype("Int64").fillna(-1).to_numpy(np.int64)


def digests() -> dict[str, str]:
    study = bip.simulate(clients=250, rng=1)
    made = {}
    for name, table in study.tables().items():
        content = np.stack([whole_numbers(table[column]) for column in table]).astype("<i8")
        made[name] = hashlib.sha256(content.tobytes()).hexdigest()[:16]
    return made


def test_integer_tables_have_their_checksums():
    assert digests() == CHECKSUMS


def test_a_processor_without_vector_instructions_makes_the_same_study():
    """NumPy's exp and log differ there in their last digit; no date, answer or code hangs on that."""
    environment = {**os.environ, **OTHER_MACHINE, "PYTHONWARNINGS": "ignore"}
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == str(CHECKSUMS)


@settings(deadline=None, max_examples=12)
@given(st.integers(10, 3000), st.sampled_from(list(bip.scenarios())), st.integers(0, 10_000))
def test_counts_are_exact_at_every_size(clients, name, seed):
    truth = bip.scenarios()[name]
    study = bip.simulate(truth, clients=clients, rng=seed)
    pairs = round(truth.measurement.pairs_per_client * clients)
    assert len(study.clients) == len(study.register) == clients
    assert study.responses["respondent"].value_counts().to_dict() == {"client": pairs, "caseworker": pairs}
    assert study.responses["client"].nunique() == clients
    assert study.assignments["caseworker"].nunique() == max(10, round(0.075 * clients))
    assert study.clients["jobcentre"].nunique() == 10
    asked = study.responses["respondent"] == "client"
    assert study.responses.loc[asked, list(CLIENT_ITEMS)].notna().all(axis=None)
    assert not study.responses.duplicated(["client", "respondent", "date"]).any()


@pytest.mark.parametrize("name", bip.scenarios())
def test_every_scenario_makes_a_clean_study(name):
    assert bip.check_study(bip.simulate(bip.scenarios()[name], clients=120, rng=1)).empty
