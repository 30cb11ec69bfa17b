"""From numbers to the words of the ledger; nothing here knows data or models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, log, sqrt

RATIO_MARGIN = log(1.15)
"""d for ratios, on the log scale: two ratios within 15 % of each other say the same."""

SHARE_MARGIN = 0.01
"""d for shares, beyond half a printed digit: one point."""

ZERO_MARGIN = 0.03
"""About zero: within .03 standard deviations of the index per quarter."""

Z95 = 1.959963984540054

CALIBRATED = "calibrated: "

AGREEING = ("matches", "compatible", "sign agrees", "about zero")
DISAGREEING = ("conflicts", "sign contradicts")
OPEN = ("sign open",)
OTHER = ("depends on definition", "not comparable", "not estimated")
VERDICTS: tuple[str, ...] = (*AGREEING, *DISAGREEING, *OPEN, *OTHER)
"""Every verdict; in a study from a calibrated world `CALIBRATED` stands before those of its targets."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger says of one figure.

    Attributes
    ----------
    word : str
        One of `VERDICTS`, with `CALIBRATED` before it where a calibrated world was made to agree with the figure.
    note : str
        What has to be added to the word.
    """

    word: str
    note: str = ""


def share_margin(printed_digit: float) -> float:
    """Give d for a share printed to `printed_digit` (.01 for "6 %", .0001 for "14.76 %")."""
    return printed_digit / 2 + SHARE_MARGIN


def agreement(
    estimate: float,
    std_error: float,
    published: float,
    margin: float,
    sampling_error: float,
    interval90: tuple[float, float],
    no_effect: float | None = None,
) -> Verdict:
    r"""Judge a number against a published number.

    Parameters
    ----------
    estimate, std_error, published : float
        On one scale: logarithms for ratios, shares as they are.
    margin : float
        d: `RATIO_MARGIN`, or `share_margin`.
    sampling_error : float
        s_B: standard error of the published figure itself; none is published, so it is assumed. NaN if
        there is none on file: the study's own error is then used alone.
    interval90 : (float, float)
        90 % interval of the estimate.
    no_effect : float, optional
        Value that means no effect; not for levels.

    Returns
    -------
    Verdict
        ``matches``: the 90 % interval lies within ``published ± margin`` (two one-sided tests at 5 %).
        ``compatible``: not that, but :math:`|estimate - published| \le 1.96 \sqrt{se^2 + s_B^2}`.
        ``conflicts``: otherwise.

    Examples
    --------
    >>> from math import log
    >>> from bipstats.replication.verdict import RATIO_MARGIN, agreement
    >>> agreement(log(1.30), 0.10, log(1.33), RATIO_MARGIN, 0.06, (log(1.10), log(1.53)), 0.0).word
    'compatible'
    """
    notes = []
    assumed = 0.0 if isnan(sampling_error) else sampling_error
    if published - margin <= interval90[0] and interval90[1] <= published + margin:
        word = "matches"
    elif abs(estimate - published) <= Z95 * sqrt(std_error**2 + assumed**2):
        word = "compatible"
        if no_effect is not None and abs(estimate - no_effect) <= Z95 * std_error:
            notes.append("also compatible with no effect")
    else:
        word = "conflicts"
    if isnan(sampling_error) and word != "matches":
        notes.append("no sampling error of a BIP-sized study on file: judged by this study's error alone")
    return Verdict(word, "; ".join(notes))


def sign(interval95: tuple[float, float], published: int) -> Verdict:
    """Judge the sign of an effect; the interval is simultaneous where several are judged at once.

    Parameters
    ----------
    interval95 : (float, float)
    published : {1, -1}

    Examples
    --------
    >>> from bipstats.replication.verdict import sign
    >>> sign((0.01, 0.09), 1).word, sign((-0.02, 0.09), 1).word, sign((-0.09, -0.01), 1).word
    ('sign agrees', 'sign open', 'sign contradicts')
    """
    low, high = (bound * published for bound in interval95)
    low, high = min(low, high), max(low, high)
    if low > 0:
        return Verdict("sign agrees")
    return Verdict("sign contradicts" if high < 0 else "sign open")


def about_zero(
    interval90: tuple[float, float], interval95: tuple[float, float], margin: float = ZERO_MARGIN
) -> Verdict:
    """Judge a statement of no effect by two one-sided tests; a test that fails to reject proves nothing.

    Parameters
    ----------
    interval90 : (float, float)
        Within ``± margin``: ``about zero``.
    interval95 : (float, float)
        Simultaneous; wholly outside ``± margin``: ``sign contradicts``. Else ``sign open``.
    margin : float
    """
    if -margin <= interval90[0] and interval90[1] <= margin:
        return Verdict("about zero", f"90 % interval within ±{margin:g} sd per quarter")
    if interval95[0] > margin or interval95[1] < -margin:
        return Verdict("sign contradicts", f"beyond ±{margin:g} sd per quarter")
    return Verdict("sign open", f"neither within nor beyond ±{margin:g} sd per quarter")


def over_definitions(main: Verdict, others: Iterable[Verdict]) -> Verdict:
    """Say ``depends on definition`` where one admissible definition agrees and another does not."""
    words = [main.word, *(other.word for other in others)]
    if any(word in AGREEING for word in words) and any(word in DISAGREEING for word in words):
        told = f"{main.word} as defined here"
        return Verdict("depends on definition", "; ".join(filter(None, (told, main.note))))
    return main


def not_comparable(reason: str) -> Verdict:
    """Refuse to compare, with the reason."""
    return Verdict("not comparable", reason)


def not_estimated(reason: str) -> Verdict:
    """Say that the study at hand gives no estimate, with the reason."""
    return Verdict("not estimated", reason)


def on_simulated(verdict: Verdict, *, calibrated: bool, target: bool) -> Verdict:
    """Mark the verdict on a target of a study from a calibrated world: agreement by construction."""
    if calibrated and target and verdict.word != "not estimated":
        return Verdict(CALIBRATED + verdict.word, verdict.note)
    return verdict
