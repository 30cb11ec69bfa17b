"""Verdicts: every branch and boundary, by hand.

The numbers are worked out in the comments; log 1.15 = 0.139762, 1.96 stands for the normal 97.5 % point.
"""

from __future__ import annotations

from math import isclose, log, nan, nextafter

import pytest

from bipstats.replication.estimate import Estimate
from bipstats.replication.verdict import (
    CALIBRATED,
    RATIO_MARGIN,
    VERDICTS,
    Verdict,
    about_zero,
    agreement,
    not_comparable,
    not_estimated,
    on_simulated,
    over_definitions,
    share_margin,
    sign,
)

PUBLISHED = log(1.33)


def ratio(estimate: float, se: float, interval90: tuple[float, float], s_b: float = 0.05) -> Verdict:
    return agreement(estimate, se, PUBLISHED, RATIO_MARGIN, s_b, interval90, 0.0)


def test_margins() -> None:
    assert isclose(RATIO_MARGIN, 0.13976194237515868)  # log 1.15
    assert isclose(share_margin(0.01), 0.015)  # half a per cent and one point
    assert isclose(share_margin(0.0001), 0.01005)


def test_matches_when_the_interval_lies_within_15_per_cent() -> None:
    # 1.33 / 1.15 = 1.157 and 1.33 * 1.15 = 1.530
    assert ratio(log(1.33), 0.05, (log(1.17), log(1.52))) == Verdict("matches")


def test_the_margin_itself_still_matches_and_beyond_it_does_not() -> None:
    low, high = PUBLISHED - RATIO_MARGIN, PUBLISHED + RATIO_MARGIN
    assert ratio(PUBLISHED, 0.05, (low, high)).word == "matches"
    assert ratio(PUBLISHED, 0.05, (nextafter(low, -1), high)).word == "compatible"
    assert ratio(PUBLISHED, 0.05, (low, nextafter(high, 1))).word == "compatible"


def test_compatible_when_the_difference_is_within_both_errors() -> None:
    # se = .06, s_B = .08: sqrt = .10, so differences up to .195996 are compatible
    wide = (0.0, 1.0)
    assert ratio(PUBLISHED - 0.1959, 0.06, wide, 0.08).word == "compatible"
    assert ratio(PUBLISHED + 0.1959, 0.06, wide, 0.08).word == "compatible"
    assert ratio(PUBLISHED - 0.1961, 0.06, wide, 0.08).word == "conflicts"
    assert ratio(PUBLISHED + 0.1961, 0.06, wide, 0.08).word == "conflicts"


def test_compatible_also_with_no_effect() -> None:
    # log 1.33 = .2852; estimate .10 with se .10: |.10| <= 1.96 * .10, and .1852 <= 1.96 * sqrt(.01 + .0025)
    assert ratio(0.10, 0.10, (-0.06, 0.26)).note == "also compatible with no effect"
    # estimate .30, se .10: .30 > .196
    assert ratio(0.30, 0.10, (0.13, 0.47)).note == ""


def test_a_level_has_no_effect_to_be_compatible_with() -> None:
    verdict = agreement(0.0, 0.02, 0.01, share_margin(0.01), 0.0, (-0.03, 0.03), None)
    assert verdict == Verdict("compatible")


def test_a_missing_sampling_error_is_said_and_counts_as_none() -> None:
    # difference .15; alone, se = .06 allows .1176
    verdict = ratio(PUBLISHED - 0.15, 0.06, (0.0, 1.0), nan)
    assert verdict.word == "conflicts"
    assert "no sampling error" in verdict.note
    assert ratio(PUBLISHED, 0.05, (log(1.2), log(1.5)), nan) == Verdict("matches")


@pytest.mark.parametrize(
    ("interval", "published", "word"),
    [
        ((0.01, 0.09), 1, "sign agrees"),
        ((-0.09, -0.01), -1, "sign agrees"),
        ((0.0, 0.09), 1, "sign open"),
        ((-0.09, 0.0), 1, "sign open"),
        ((-0.09, 0.0), -1, "sign open"),
        ((-0.02, 0.09), 1, "sign open"),
        ((-0.09, -0.01), 1, "sign contradicts"),
        ((0.01, 0.09), -1, "sign contradicts"),
    ],
)
def test_sign(interval: tuple[float, float], published: int, word: str) -> None:
    assert sign(interval, published).word == word


@pytest.mark.parametrize(
    ("interval90", "interval95", "word"),
    [
        ((-0.01, 0.02), (-0.02, 0.03), "about zero"),
        ((-0.03, 0.03), (-0.04, 0.04), "about zero"),  # the margin itself
        ((-0.031, 0.02), (-0.04, 0.03), "sign open"),
        ((-0.02, 0.031), (-0.03, 0.04), "sign open"),
        ((0.04, 0.06), (0.0301, 0.07), "sign contradicts"),
        ((-0.06, -0.04), (-0.07, -0.0301), "sign contradicts"),
        ((0.035, 0.06), (0.03, 0.07), "sign open"),
    ],
)
def test_about_zero(interval90: tuple[float, float], interval95: tuple[float, float], word: str) -> None:
    assert about_zero(interval90, interval95).word == word


def test_definitions_that_disagree() -> None:
    agrees, differs = Verdict("matches"), Verdict("conflicts", "why")
    assert over_definitions(agrees, [differs]).word == "depends on definition"
    told = over_definitions(differs, [Verdict("compatible")])
    assert told == Verdict("depends on definition", "conflicts as defined here; why")
    assert (
        over_definitions(Verdict("sign agrees"), [Verdict("sign contradicts")]).word
        == "depends on definition"
    )


def test_definitions_that_do_not_disagree() -> None:
    assert over_definitions(Verdict("matches"), [Verdict("compatible")]).word == "matches"
    assert over_definitions(Verdict("sign agrees"), [Verdict("sign open")]).word == "sign agrees"
    assert (
        over_definitions(Verdict("conflicts"), [Verdict("conflicts"), not_estimated("x")]).word == "conflicts"
    )
    assert over_definitions(not_estimated("no events"), [Verdict("matches")]).word == "not estimated"


def test_calibrated_stands_before_targets_of_calibrated_worlds_only() -> None:
    verdict = Verdict("matches")
    assert on_simulated(verdict, calibrated=True, target=True).word == "calibrated: matches"
    assert on_simulated(verdict, calibrated=False, target=True) == verdict
    assert on_simulated(verdict, calibrated=True, target=False) == verdict
    refused = on_simulated(not_comparable("why"), calibrated=True, target=True)
    assert refused == Verdict("calibrated: not comparable", "why")
    assert on_simulated(not_estimated("why"), calibrated=True, target=True).word == "not estimated"


def test_every_verdict_is_a_known_word() -> None:
    assert {"matches", "compatible", "conflicts", "about zero", "not comparable"} <= set(VERDICTS)
    assert not any(word.startswith(CALIBRATED) for word in VERDICTS)


def test_a_share_of_nobody_is_not_known_for_certain():
    """None of 45: Wilson's 95 % interval is 0 to z²/(n + z²) = .0787; its half over 1.96 is the error."""
    z = 1.959963984540054
    none = Estimate(0.0, 0.0, 45, "share")
    assert none.sampling_error == pytest.approx(z**2 / (45 + z**2) / (2 * z))
    assert (
        agreement(0.0, none.sampling_error, 0.01, 0.015, 0.0, none.working_interval(0.9)).word == "compatible"
    )
    half = Estimate(0.5, 0.05, 100, "share")
    assert half.sampling_error == pytest.approx(0.05, rel=0.02)
