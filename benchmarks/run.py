"""Time and agreement of the models beside their peers, measured in the same run; absent peers are named.

Run with ``make bench``. Figures are seconds, best of five after a warm-up, BLAS threads as the machine gives;
ratios are the peer's time over ours. Machines are noisy: trust ratios, not seconds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from shapes import quarterly

import bipstats as bip
from bipstats.core.covariance import cluster, covariance
from bipstats.models.cox_rows import CoxSpecification, prepare
from bipstats.models.kernels.cox import evaluate, log_likelihood, risk_sums, score_sums
from bipstats.models.kernels.newton import maximise

HERE = Path(__file__).parent
FORMULA = " + ".join(f"x{k}" for k in range(1, 26))


def best_of_five(job: Callable[[], object]) -> float:
    """Seconds of the fastest of five runs after one that is not counted."""
    job()
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def cox_kernel(data: pd.DataFrame) -> Callable[[], object]:
    """Arrays to estimates and cluster errors; the problem is prepared before the clock starts."""
    spec = CoxSpecification(FORMULA, "start", "stop", "event", "client", None, None, None, "efron", "raise")
    rows = prepare(spec, data, cluster("caseworker"), None)
    codes = pd.factorize(rows.data["caseworker"])[0]

    def job() -> object:
        problem = rows.problem
        best = maximise(lambda b: evaluate(b, problem), lambda b: log_likelihood(b, problem), np.zeros(25))
        return covariance(
            cluster("caseworker"),
            best.at.information,
            lambda group: score_sums(risk_sums(best.params, problem), problem, group),
            lambda _: codes,
            None,
            len(codes),
        )

    return job


def r_cox(data: pd.DataFrame) -> dict | None:
    """R's coxph with cluster errors, or None where R or survival is missing."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        data.to_csv(file, index=False)
        done = subprocess.run(["Rscript", HERE / "cox.R", file], capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None


def lifelines_cox(data: pd.DataFrame) -> float:
    """lifelines' time-varying Cox; it has no cluster errors."""
    from lifelines import CoxTimeVaryingFitter

    rows = data.drop(columns="caseworker")
    return best_of_five(
        lambda: CoxTimeVaryingFitter().fit(
            rows, id_col="client", event_col="event", start_col="start", stop_col="stop"
        )
    )


def report(name: str, seconds: float, kernel: float, whole: float) -> None:
    """One line per peer."""
    print(
        f"{name:<34}{seconds:8.3f} s   {seconds / kernel:6.1f} x kernel   {seconds / whole:6.1f} x whole call"
    )


def main() -> None:
    """Run the Cox benchmark and print it."""
    data = quarterly()
    rows, events = len(data), int(data["event"].sum())
    print(f"Cox, Efron, errors clustered by caseworker: {rows:,} rows, {events} events, 25 covariates")
    kernel = best_of_five(cox_kernel(data))
    whole = best_of_five(lambda: bip.cox(FORMULA, data, vcov=cluster("caseworker")))
    print(f"{'bipstats kernel (arrays to errors)':<34}{kernel:8.3f} s")
    print(f"{'bipstats whole call (frame)':<34}{whole:8.3f} s")
    peer = r_cox(data)
    if peer is None:
        print("R's coxph: not measured (needs Rscript with the survival package)")
    else:
        report(f"coxph ({peer['version']})", peer["seconds"], kernel, whole)
        fit = bip.cox(FORMULA, data, vcov=cluster("caseworker"))
        for what, ours, theirs in (
            ("coefficients", fit.params, peer["coef"]),
            ("errors", fit.bse, peer["std_error"]),
        ):
            apart = np.max(np.abs(ours.to_numpy() - theirs) / np.abs(theirs))
            print(f"  largest relative difference of {what}: {apart:.1e}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report("lifelines (no cluster errors)", lifelines_cox(data), kernel, whole)


if __name__ == "__main__":
    sys.exit(main())
