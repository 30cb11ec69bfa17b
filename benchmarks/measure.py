"""One job in a process of its own: ``measure.py JOB FILE REPEATS`` prints seconds and peak memory as JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

STATUS = Path("/proc/self/status")


def best(job: Callable[[], object], repeats: int) -> tuple[float, int]:
    """Seconds of the fastest run, and of how many: quick jobs go on for two seconds, as others use the machine."""
    seconds: list[float] = []
    while len(seconds) < repeats or (repeats > 1 and sum(seconds) < 2 and len(seconds) < 30):
        begin = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), len(seconds)


def resident(peak: bool) -> float | None:
    """Resident memory of this process now or at its peak, in MB; None where the system does not tell."""
    if not STATUS.exists():
        return None
    field = "VmHWM:" if peak else "VmRSS:"
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def peak_above(job: Callable[[], object]) -> float | None:
    """MB that one run needs above what is resident before it (the data)."""
    before = resident(peak=False)
    if before is None:
        return None
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of reading the file
    except OSError:
        return None
    job()
    after = resident(peak=True)
    return None if after is None else after - before


def main() -> None:
    """Measure and print."""
    name, file, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    from jobs import JOBS

    data = pd.read_parquet(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = JOBS[name](data)
        if repeats > 1:
            job()  # warm: libraries loaded, memory fetched
            found = {"peak_mb": peak_above(job)}
        else:
            found = {"peak_mb": None}
        found["seconds"], found["runs"] = best(job, repeats)
        estimates = job() if repeats > 1 else None
    if isinstance(estimates, tuple):
        found["coef"], found["std_error"] = (list(map(float, values)) for values in estimates)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
