"""Time, memory and agreement beside the peers, measured in the same run; absent peers are named.

``make bench`` measures every shape but the largest, ``make bench SHAPES=W10`` that one (R alone takes minutes there).
Every job runs in a process of its own. Seconds are the best of several warm runs (the number is printed), or of one
cold run where a peer takes long; memory is the peak above the data. Machines are noisy: trust ratios within one run.
Differences of errors of 1e-3 and less to glum and pyfixest are their small-sample factors and tolerances.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from shapes import shape

HERE = Path(__file__).parent
Found = dict[str, Any]

# Model -> shapes, our jobs (kernel, whole), peers (job, runs), the peer that the target speaks of.
TABLE: list[tuple[str, str, tuple[str, str], list[tuple[str, int]]]] = [
    ("Cox, Efron", "Q", ("kernel cox", "whole cox"), [("R cox", 5), ("lifelines cox", 5), ("statsmodels cox", 1)]),
    ("Cox, Efron, equal rows merged", "W", ("kernel cox", "whole cox"), [("R cox", 2), ("lifelines cox", 1)]),
    ("Cox, Efron, rows as given", "W", ("kernel cox as given", "whole cox as given"), [("R cox", 2)]),
    ("Cox, Efron, equal rows merged", "W10", ("kernel cox", "whole cox"), [("R cox", 1)]),
    ("Cox, Efron, rows as given", "W10", ("kernel cox as given", "whole cox as given"), [("R cox", 1)]),
    ("logit hazard, one effect per period", "W", ("kernel logit", "whole logit"),
     [("glum logit", 3), ("R logit", 1), ("statsmodels logit", 1)]),
    ("cloglog hazard, one effect per period", "W", ("kernel cloglog", "whole cloglog"),
     [("glum cloglog", 3), ("R cloglog", 1), ("statsmodels cloglog", 1)]),
    ("cloglog hazard, three mass points by client", "W", ("kernel mass points", "whole mass points"), []),
    ("logit, caseworkers and periods absorbed", "W", ("kernel absorbed", "whole absorbed"),
     [("pyfixest absorbed", 2)]),
    ("logit hazard, random intercept of caseworkers", "QF", ("kernel caseworker", "whole caseworker"),
     [("glmmTMB caseworker", 1)]),
    ("logit, random intercepts of clients x caseworkers", "QR", ("kernel crossed", "whole crossed"),
     [("glmmTMB crossed", 1)]),
    ("logit, random intercepts of 316 x 24 groups", "S", ("kernel crossed", "whole crossed"),
     [("glmmTMB crossed", 1)]),
    ("logit, random intercepts of 2,972 x 1,128 groups", "I", ("kernel crossed", "whole crossed"), []),
    ("Cox, gamma frailty by caseworker; R takes the groups' information for diagonal (errors)", "QF",
     ("kernel frailty gamma", "whole frailty gamma"), [("R frailty gamma", 2)]),
    ("Cox, log-normal frailty by caseworker, REML; R takes it for diagonal in the variance too", "QF",
     ("kernel frailty lognormal", "whole frailty lognormal"), [("R frailty lognormal", 2)]),
]  # fmt: skip


R_SCRIPTS = {"R": "peers.R", "glmmTMB": "peers_mixed.R"}


@cache
def measured(job: str, file: Path, runs: int) -> Found | str:
    """Figures of one job, or why there are none; a peer of two of our jobs is measured once."""
    who, _, model = job.partition(" ")
    if who in R_SCRIPTS:
        if shutil.which("Rscript") is None:
            return "not measured (needs Rscript with survival and sandwich, or glmmTMB)"
        command = ["Rscript", str(HERE / R_SCRIPTS[who]), model, str(file.with_suffix(".csv")), str(runs)]
    else:
        command = [
            sys.executable,
            str(HERE / "measure.py"),
            job,
            str(file.with_suffix(".parquet")),
            str(runs),
        ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.strip():
        return json.loads(done.stdout.splitlines()[-1])
    reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
    return f"not measured ({reason})"


def line(name: str, found: Found, ours: tuple[Found, Found] | None) -> str:
    """One row of the table."""
    memory = f"{found['peak_mb']:8,.0f} MB" if found.get("peak_mb") is not None else " " * 11
    best_of = "cold" if found["runs"] == 1 else f"best of {found['runs']}"
    text = f"  {name:<28}{found['seconds']:9.3f} s {memory}   {best_of}"
    if ours is None:
        return text
    kernel, whole = (found["seconds"] / own["seconds"] for own in ours)
    return f"{text:<70}{kernel:7.1f} x kernel {whole:7.1f} x whole call"


def agreement(ours: Found, peer: Found) -> str:
    """Largest relative differences of coefficients and errors."""
    if "coef" not in peer or "coef" not in ours:
        return ""
    apart = [
        float(np.max(np.abs(np.array(ours[key][-25:]) / np.array(peer[key]) - 1)))
        for key in ("coef", "std_error")
    ]
    return f"    largest relative difference: coefficients {apart[0]:.1e}, errors {apart[1]:.1e}"


def compare(
    title: str, jobs: tuple[str, str], peers: list[tuple[str, int]], file: Path, matrix: float
) -> None:
    """Measure one model and print it."""
    unclustered = "frailty" in title or "random intercept" in title
    print(f"\n{title}" + ("" if unclustered else "; errors clustered by caseworker"))
    own = []
    for job in jobs:
        found = measured(job, file, 5)
        if isinstance(found, str):
            print(f"  {job}: {found}")
            return
        print(line(f"bipstats {job.split()[0]}", found, None))
        own.append(found)
    if own[1]["peak_mb"] is not None:
        print(f"    peak memory of the whole call: {own[1]['peak_mb'] / matrix:.2f} x the design matrix")
    for job, runs in peers:
        found = measured(job, file, runs)
        if isinstance(found, str):
            print(f"  {job}: {found}")
            continue
        print(line(job, found, (own[0], own[1])))
        difference = agreement(own[1], found)
        if difference:
            print(difference)


def main() -> None:
    """Run the jobs of the shapes asked for."""
    arguments = argparse.ArgumentParser()
    names = ["Q", "QF", "W", "W10", "QR", "S", "I"]
    arguments.add_argument(
        "shapes", nargs="*", default=[name for name in names if name != "W10"], choices=names
    )
    wanted = arguments.parse_args().shapes
    print(f"{os.cpu_count()} processors; BLAS threads as the libraries choose (ours: one)")
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            data, file = shape(name), Path(folder) / name
            data.to_parquet(file.with_suffix(".parquet"))
            data.to_csv(file.with_suffix(".csv"), index=False)
            covariates = sum(column.startswith("x") for column in data)
            matrix = len(data) * covariates * 8 / 2**20
            print(
                f"\n== {name}: {len(data):,} rows, {int(data['event'].sum()):,} events, {covariates} covariates"
            )
            floor = measured("floor", file, 5)
            if not isinstance(floor, str):
                print(f"  one pass over the design matrix ({matrix:,.0f} MB): {floor['seconds']:.4f} s")
            for title, on, jobs, peers in TABLE:
                if on == name:
                    compare(title, jobs, peers, file, matrix)


if __name__ == "__main__":
    main()
