"""Recovery: what the estimators make of studies whose truth is known.

A row is an estimator on studies of a world (`rows.py`; `worlds.py` makes the studies). `python -m tests.recovery`
simulates, estimates, adds to `results.csv` and writes `docs/recovery.md` from it. Everything is SYNTHETIC.
"""
