"""Accounts of time at risk: what came in, what was left out and why, what came out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.timeline.steps import FOREVER, Bools, Ints


def spell_flow(
    frame: pd.DataFrame,
    client: Ints,
    ends: pd.DataFrame,
    first_answer: Ints,
    unusable: tuple[Ints, Ints, Ints],
) -> dict[str, int]:
    """Count clients, weeks and events from the register to the spells, and see that none is lost.

    Parameters
    ----------
    frame : pandas.DataFrame
        The r spells.
    client : (r,) integer array
        Position in `ends` of each row's client.
    ends : pandas.DataFrame
        The n rows of `bipstats.register.outcomes.outcomes`.
    first_answer : (n,) integer array
        Week of the first answer, `FOREVER` if there is none.
    unusable : client, start, stop of the pieces left out because no answer was in force

    Returns
    -------
    dict of str to int

    Raises
    ------
    RuntimeError
        If clients, weeks or events do not add up.
    """
    risk_start, week, event = (ends[key].to_numpy(dtype=np.int64) for key in ("risk_start", "week", "event"))
    exited = (ends["exit"] != "censored").to_numpy()
    at_risk, answered = risk_start < week, first_answer < week
    entered = np.minimum(np.maximum(risk_start, first_answer), week)
    has_rows, ends_unseen = np.zeros((2, len(ends)), dtype=bool)
    has_rows[client] = True
    ends_unseen[unusable[0][unusable[2] == week[unusable[0]]]] = True
    length = (frame["stop"] - frame["start"]).to_numpy(dtype=np.int64)
    row_event = frame["event"].to_numpy() == 1
    row_exit = (frame["exit"] != "censored").to_numpy()
    flow = {
        "clients": len(ends),
        "clients_never_at_risk_in_register": (~at_risk).sum(),
        "clients_without_answer": (at_risk & (first_answer == FOREVER)).sum(),
        "clients_gone_before_first_answer": (at_risk & (first_answer < FOREVER) & ~answered).sum(),
        "clients_with_expired_answers_only": (at_risk & answered & ~has_rows).sum(),
        "clients_at_risk": has_rows.sum(),
        "clients_in_exit_state_at_enrolment": (risk_start > 0).sum(),
        "weeks_in_register": (week - risk_start)[at_risk].sum(),
        "weeks_before_first_answer": (entered - risk_start)[at_risk].sum(),
        "weeks_without_usable_answer": (unusable[2] - unusable[1]).sum(),
        "weeks_at_risk": length.sum(),
        "weeks_without_caseworker": length[frame["caseworker"].isna().to_numpy()].sum(),
        **_exits("events", exited & (event == 1), answered, ends_unseen, row_event.sum()),
        **_exits(
            "competing_exits", exited & (event == 0), answered, ends_unseen, (row_exit & ~row_event).sum()
        ),
        "rows": len(frame),
    }
    _check(flow)
    return {key: int(count) for key, count in flow.items()}


def _exits(name: str, inside: Bools, answered: Bools, unseen: Bools, seen: int) -> dict[str, int]:
    """Exits of one kind: in the register, left out, and in the rows."""
    return {
        f"{name}_in_register": inside.sum(),
        f"{name}_before_first_answer": (inside & ~answered).sum(),
        f"{name}_without_usable_answer": (inside & answered & unseen).sum(),
        name: seen,
    }


def _check(flow: dict[str, int]) -> None:
    """Raise unless every whole is the sum of its parts."""
    exits = ("in_register", "before_first_answer", "without_usable_answer")
    sums = [
        (
            "clients",
            "clients_never_at_risk_in_register",
            "clients_without_answer",
            "clients_gone_before_first_answer",
            "clients_with_expired_answers_only",
            "clients_at_risk",
        ),
        ("weeks_in_register", "weeks_before_first_answer", "weeks_without_usable_answer", "weeks_at_risk"),
        *((*(f"{name}_{part}" for part in exits), name) for name in ("events", "competing_exits")),
    ]
    for whole, *parts in sums:
        if flow[whole] != sum(flow[part] for part in parts):
            counts = ", ".join(f"{part} {flow[part]}" for part in parts)
            raise RuntimeError(
                f"Time at risk was lost or made: {whole} is {flow[whole]}, but its parts are {counts}. "
                "This is an error in bipstats; please report it."
            )
