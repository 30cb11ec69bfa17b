"""Comparing intervention classes: designs, placebo, composite, first starts, and what goes through progression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bipstats as bip
from bipstats.interventions.channels import Channels
from bipstats.interventions.lagged import errors_in_lag
from bipstats.interventions.pairs import FEWEST, pairs, record_facts
from bipstats.interventions.through import Between, decompose
from bipstats.interventions.trial import TrialRows, client_sums
from bipstats.progression.three_waves import heise
from bipstats.register.outcomes import outcomes
from bipstats.study.study import Study
from bipstats.timeline.classes import TYPES, Records
from bipstats.timeline.clock import Clock

E2, RTM = bip.scenarios()["E2"], bip.scenarios()["RTM"]


@pytest.fixture(scope="module")
def study() -> Study:
    return bip.simulate(clients=1500, rng=3)


@pytest.fixture(scope="module")
def compared(study: Study) -> object:
    return bip.interventions.contrast(study, rng=1)


def with_interventions(study: Study, interventions: pd.DataFrame) -> Study:
    return Study(study.clients, study.responses, study.assignments, interventions, study.register)


# --- windows and breaks


def weeks_of(ends: pd.DataFrame, records: Records, number: int) -> tuple[int, int, list[set[int]]]:
    """Time at risk of one client and the weeks with each type, record by record."""
    own = records.client == number
    covered: list[set[int]] = [set() for _ in TYPES]
    for first, last, kind in zip(records.first[own], records.last[own], records.kind[own], strict=True):
        covered[kind] |= set(range(int(first), min(int(last), int(ends["week"][number])) + 1))
    return int(ends["risk_start"][number]), int(ends["week"][number]), covered


def test_weeks_and_arrangements_are_those_counted_week_by_week(study: Study) -> None:
    rows = bip.interventions.classify(study)
    ends, records = outcomes(study), Records.of(study, Clock.of(study))
    for number in range(0, 200, 7):
        _, _, covered = weeks_of(ends, records, number)
        for row in rows[rows["client"] == study.clients["client"][number]].itertuples():
            window = range(row.start_week + 1, row.stop_week + 1)
            types = [{week for week in window if week in weeks} for weeks in covered]
            at_once = sum(sum(week in weeks for weeks in types) > 1 for week in window)
            assert row.weeks_parallel == at_once
            assert row.weeks_none == sum(not any(week in weeks for weeks in types) for week in window)
            present = sum(map(bool, types))
            named = (
                "none"
                if not present
                else "one type"
                if present == 1
                else "parallel"
                if at_once
                else "sequential"
            )
            assert row.arrangement == named


def test_breaks_are_the_weeks_at_risk_that_no_record_covers(study: Study) -> None:
    found = bip.interventions.breaks(study)
    ends, records = outcomes(study), Records.of(study, Clock.of(study))
    for number in range(0, 300, 5):
        start, end, covered = weeks_of(ends, records, number)
        free = set(range(start + 1, end + 1)) - set.union(*covered)
        own = found[found["client"] == study.clients["client"][number]]
        got = [week for row in own.itertuples() for week in range(row.start_week + 1, row.stop_week + 1)]
        assert sorted(got) == sorted(free)
        assert (own["weeks"] == own["stop_week"] - own["start_week"]).all()


def test_breaks_are_named_by_where_they_lie(study: Study) -> None:
    bare = with_interventions(study, study.interventions.iloc[:0])
    never = bip.interventions.breaks(bare)
    assert (never["kind"] == "never any").all() and never["client"].is_unique
    kinds = bip.interventions.breaks(study).groupby("client")["kind"].agg(list)
    assert all("before the first" not in own[1:] and "after the last" not in own[:-1] for own in kinds)


def test_shares_of_the_classes_add_up_and_the_sum_of_two_is_no_count_of_clients(study: Study) -> None:
    found = bip.interventions.shares(study)
    table = found.table.set_index("kind")
    for unit in ("by_window", "by_client", "first_window"):
        assert table[unit].iloc[:4].sum() == pytest.approx(1)
        assert table.loc["without job", unit] == pytest.approx(table[unit].iloc[:2].sum())
    weighted = np.average(table["not_risen"].iloc[:2], weights=table["n_pairs"].iloc[:2])
    assert table.loc["without job", "not_risen"] == pytest.approx(weighted)
    assert "says nothing of single clients" in found.paragraph


# --- the arrays


def test_noise_in_the_level_before_is_taken_out() -> None:
    """y = change on a noisy level and a group that follows the true level: large n, so within 4 standard errors."""
    draw = np.random.default_rng(1)
    n, noise = 200_000, 0.4
    truth = draw.normal(size=n)
    group = (draw.random(n) < 1 / (1 + np.exp(-truth))) * 1.0
    level = truth + np.sqrt(noise) * draw.normal(size=n)
    later = (
        truth + 0.1 * group - 0.2 * truth + 0.3 * draw.normal(size=n) + np.sqrt(noise) * draw.normal(size=n)
    )
    x = np.column_stack([np.ones(n), group, level])
    plain = errors_in_lag(x, later - level, 2, 0.0, np.ones(n))
    mended = errors_in_lag(x, later - level, 2, noise, np.ones(n))
    error = np.sqrt((mended.influence**2).sum(axis=0))
    np.testing.assert_array_less(np.abs(mended.values - [0, 0.1, -0.2]), 4 * error)
    assert plain.values[1] > 0.1 + 10 * error[1]


def test_without_noise_it_is_least_squares() -> None:
    draw = np.random.default_rng(2)
    x = np.column_stack([np.ones(50), draw.normal(size=(50, 2))])
    y = draw.normal(size=50)
    found = errors_in_lag(x, y, 1, 0.0, np.ones(50))
    np.testing.assert_allclose(found.values, np.linalg.lstsq(x, y, rcond=None)[0], rtol=1e-10)
    residual = y - x @ found.values
    np.testing.assert_allclose(found.influence, (x * residual[:, None]) @ np.linalg.inv(x.T @ x), atol=1e-12)


def test_three_waves_tell_noise_from_change() -> None:
    draw = np.random.default_rng(3)
    one = draw.normal(size=100_000)
    two = 0.8 * one + 0.6 * draw.normal(size=100_000)
    three = 0.8 * two + 0.6 * draw.normal(size=100_000)
    scores = np.stack([one, two, three], axis=1) + np.sqrt(0.5) * draw.normal(size=(100_000, 3))
    found = heise(scores)
    assert found.reliability == pytest.approx(1 / 1.5, abs=0.01)  # 1 / (1 + .5)
    assert found.stability == pytest.approx(0.64, abs=0.015)  # .8 squared


def test_correlations_without_a_reliability_are_refused() -> None:
    draw = np.random.default_rng(4)
    one = draw.normal(size=50)
    turned = np.stack([one, -one + 0.1 * draw.normal(size=50), one + 0.1 * draw.normal(size=50)], axis=1)
    with pytest.raises(bip.ModelError, match="fit no reliability"):
        heise(turned[:, [0, 2, 1]])
    with pytest.raises(bip.ModelError, match="ten clients"):
        heise(draw.normal(size=(9, 3)))


def test_weighted_incidence_by_hand() -> None:
    """Two clients. Client 0 waits in week 0 and begins in week 1; client 1 waits in weeks 0 and 1."""
    rows = TrialRows(
        client=np.array([0, 0, 1, 1]),
        week=np.array([0, 1, 0, 1]),
        began=np.array([False, True, False, False]),
        end=np.array([3, 2, 2, 1]),  # client 0 enters in week 3, client 1 leaves otherwise in week 2
        exit=np.array([1, 1, 2, 2]),
        later=np.array([2, 1, 99, 99]),
    )
    chance = np.array([0.25, 0.5, 0.2, 0.5])
    sums = client_sums(rows, chance, 3, censored_at_start=False)
    # Waiting rows have the odds as weights: client 0 1/3; client 1 1/4 and 1.
    np.testing.assert_allclose(sums.values[:, 0, :, 0], [[1 / 3, 1 / 3, 1 / 3], [1.25, 0.25, 0]])
    np.testing.assert_allclose(sums.values[:, 0, :, 1], [[0, 0, 1 / 3], [0, 0, 0]])
    np.testing.assert_allclose(sums.values[:, 0, :, 2], [[0, 0, 0], [1, 0.25, 0]])
    # Aalen-Johansen: S = 1, 1 - 1/(1/3 + 5/4), then less .25/(1/3 + 1/4); all of the rest enter in week 3.
    stay = (1 - 1 / (1 / 3 + 1.25)) * (1 - 0.25 / (1 / 3 + 0.25))
    np.testing.assert_allclose(sums.incidence()[0], [0, 0, stay])
    np.testing.assert_allclose(sums.incidence()[1], [0, 1, 1])
    never = client_sums(rows, chance, 3, censored_at_start=True)
    # Client 0 is followed to its own start, in the second week; client 1's second week stands for those who then began.
    np.testing.assert_allclose(never.values[0, 0, :, 0], [1 / 3, 0, 0])
    np.testing.assert_allclose(never.values[1, 0, :, 0], [1.25, 0.25 / 0.5, 0])


def test_the_parts_of_a_difference_are_those_built_in() -> None:
    """A large sample of the model itself; truth by drawing 2 million rows of it."""
    draw = np.random.default_rng(5)

    def between(exposed: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 0.4 * exposed + 0.5 * x + draw.normal(size=len(x))

    def chance(exposed: np.ndarray, m: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(1.5 - 0.3 * exposed - 0.6 * m - 0.2 * x))

    x = draw.normal(size=60_000)
    exposed = (draw.random(60_000) < 0.4) * 1.0
    m = between(exposed, x)
    entered = (draw.random(60_000) < chance(exposed, m, x)) * 1.0
    found = decompose(Between(exposed, m, entered, x[:, None]), np.ones(60_000))
    many = draw.normal(size=2_000_000)
    nothing, all_of_it = np.zeros(2_000_000), np.ones(2_000_000)
    base = chance(nothing, between(nothing, many), many).mean()
    direct = chance(all_of_it, between(nothing, many), many).mean()
    both = chance(all_of_it, between(all_of_it, many), many).mean()
    np.testing.assert_allclose(
        found, [direct - base, both - direct, both - base], atol=0.012
    )  # 4 standard errors
    assert found[2] == pytest.approx(found[0] + found[1])


# --- the whole comparison


def test_every_design_finds_the_order_of_the_classes(compared: object) -> None:
    for _, own in compared.designs.groupby("design"):
        values = own.set_index("term")["estimate"]
        assert values["other only - none"] < values["job + other - none"]
    assert compared.designs["design"].nunique() == 7


def test_the_table_has_observed_means_with_joint_intervals(compared: object) -> None:
    table = compared.table.set_index("term")
    assert list(table.index) == ["none", "other only", "job only", "job + other"]
    raw = compared.raw.tidy().set_index("term")
    np.testing.assert_allclose(table["observed"], raw["estimate"])
    assert (table["observed_low"] < raw["conf_low"]).all()


def test_comparisons_are_of_each_with_the_first_and_of_both_with_each(compared: object) -> None:
    terms = compared.compare().table["term"].tolist()
    assert terms == [
        "other only - none", "job only - none", "job + other - none", "job + other - other only", "job + other "
        "- job only",
    ]  # fmt: skip


def test_classes_that_follow_a_passing_low_fail_the_placebo() -> None:
    """World RTM: interventions do nothing and classes follow lows; observed means show progression all the same."""
    found = bip.interventions.contrast(bip.simulate(RTM, clients=3000, rng=2), rng=1)
    observed = found.raw.compare("none", rng=1).table.set_index("term")
    assert observed.loc["job + other - none", "conf_low"] > 0.05
    placebo = found.placebo.set_index("term")
    assert placebo.loc["job + other - none", "conf_high"] < -0.05
    assert "regression to the mean" in found.paragraph and "The placebo is not zero" in found.paragraph
    adjusted = found.compare().table.set_index("term").loc["job + other - none", "estimate"]
    assert adjusted < 0.7 * observed.loc["job + other - none", "estimate"]


def test_classes_drawn_at_random_without_effect_show_nothing() -> None:
    """All designs, placebo and composite: every |z| below 4."""
    even = replace(
        E2,
        name="nothing",
        readiness=replace(E2.readiness, drift=(0.0, 0.0, 0.0, 0.0)),
        interventions=replace(
            E2.interventions,
            job_readiness=0.0, job_orientation=0.0, job_taste=0.0, job_passing=0.0, job_shock=0.0,
            other_readiness=0.0, other_taste=0.0, other_passing=0.0,
        ),
    )  # fmt: skip
    found = bip.interventions.contrast(bip.simulate(even, clients=3000, rng=4), rng=1)
    for frame in (found.designs, found.placebo, found.raters, found.by_start):
        assert (frame["estimate"].abs() < 4 * frame["std_error"]).all()
    assert (found.composite.compare(rng=1).table["statistic"].abs() < 4).all()


def test_a_class_with_few_pairs_is_left_out_by_name(study: Study) -> None:
    job = study.interventions["code"].isin(bip.codebook.interventions().query("type == 'job'")["code"])
    keep = ~job | (np.cumsum(job) <= 12)
    found = bip.interventions.contrast(with_interventions(study, study.interventions[keep]), rng=1)
    flow = dict(found.flow)
    small = {name: count for name, count in flow.items() if "too few to compare" in name}
    named = {f"in the class {name!r}, too few to compare" for name in ("job only", "job + other")}
    assert set(small) == named
    assert all(0 < count < FEWEST for count in small.values())
    assert found.estimates.names == ("none", "other only")


def test_odd_records_are_counted(study: Study, compared: object) -> None:
    records = study.interventions.copy()
    records.loc[records.index[:7], "end"] = pd.NaT
    again = records.iloc[100:103]
    records = pd.concat([records, again], ignore_index=True)
    odd, before = record_facts(with_interventions(study, records)), record_facts(study)
    assert odd["without an end, taken to run on"] == before.get("without an end, taken to run on", 0) + 7
    assert odd["overlapping an earlier one of the same code"] >= 3
    assert dict(compared.records) == before


def test_one_measurement_each_is_refused(study: Study) -> None:
    first = study.responses.sort_values("date").drop_duplicates(["client", "respondent"])
    once = Study(study.clients, first, study.assignments, study.interventions, study.register)
    with pytest.raises(bip.ModelError, match="no client has two measurements"):
        bip.interventions.contrast(once)


def test_one_rater_alone_leaves_the_other_comparison_standing(study: Study) -> None:
    alone = study.responses[study.responses["respondent"] == "caseworker"]
    quiet = Study(study.clients, alone, study.assignments, study.interventions, study.register)
    found = bip.interventions.contrast(quiet, items="caseworker", rng=1)
    assert found.raters["design"].str.contains("caseworker only").all() and len(found.raters) == 3


def test_the_composite_ranks_entry_first_and_weights_for_those_not_measured_again(study: Study) -> None:
    found = bip.interventions.contrast(study, outcome="composite", rng=1)
    assert found.means is found.composite
    assert 0.4 < found.estimates.values.min() < 0.5 < found.estimates.values.max() < 0.6
    assert dict(found.flow)["not measured again, weighted for"] > 0
    np.testing.assert_allclose(found.attrition.drop(columns="intervention_class").sum(axis=1), 1)


def test_sensitivity_begins_at_the_estimate_and_widens(compared: object) -> None:
    for _, part in compared.sensitivity.groupby("term"):
        width = (part["high"] - part["low"]).to_numpy()
        assert width[0] == 0 and (np.diff(width) > 0).all()
    lag = compared.designs.query("design == 'level before, as measured'").set_index("term")["estimate"]
    start = compared.sensitivity.query("strength == 0").set_index("term")["low"]
    np.testing.assert_allclose(start, lag.loc[start.index], rtol=1e-8)


def test_the_bound_holds_for_a_confounder_of_known_strength() -> None:
    """Cinelli & Hazlett: leaving out z moves the coefficient by se sqrt(df) R_y R_d / sqrt(1 - R_d^2), exactly."""
    draw = np.random.default_rng(6)
    z = draw.normal(size=400)
    d = 0.5 * z + draw.normal(size=400)
    y = 0.3 * d + 0.7 * z + draw.normal(size=400)
    frame = pd.DataFrame({"y": y, "d": d, "z": z})
    short, long, first = bip.ols("y ~ d", frame), bip.ols("y ~ d + z", frame), bip.ols("d ~ z", frame)
    t_long, t_first = (fit.tidy().set_index("term").loc["z", "statistic"] for fit in (long, first))
    with_change = t_long**2 / (t_long**2 + long.df_residual)
    with_class = t_first**2 / (t_first**2 + first.df_residual)
    error = short.tidy().set_index("term").loc["d", "std_error"]
    bound = error * np.sqrt(short.df_residual * with_change * with_class / (1 - with_class))
    assert abs(short.params["d"] - long.params["d"]) == pytest.approx(bound, rel=1e-8)


# --- channels


def test_channels_make_the_classes(study: Study) -> None:
    draw = np.random.default_rng(7)
    clients = study.clients["client"].sample(1200, random_state=1)
    start = pd.Timestamp("2013-06-03") + pd.to_timedelta(draw.integers(0, 90, 1200) * 7, unit="D")
    records = pd.DataFrame(
        {
            "client": clients.to_numpy(),
            "channel": draw.choice(["network", "portal"], 1200),
            "start": start,
            "end": start + pd.Timedelta(weeks=30),
        }
    )
    found = bip.interventions.contrast(study, channels=records, rng=1)
    assert found.estimates.names == ("none", "network", "portal")
    index = bip.progression.readiness(study)
    rows = pairs(study, index, 16, Channels.of(study, records)).rows
    assert rows["intervention_class"].value_counts()["none"] > 1000


def test_problems_of_channel_records_come_all_at_once(study: Study) -> None:
    bad = pd.DataFrame(
        {
            "client": ["nobody", *study.clients["client"][:3]],
            "channel": ["a", None, "none", "b"],
            "start": pd.to_datetime(["2014-01-01", "2014-01-01", "2014-01-01", "2014-05-01"]),
            "end": pd.to_datetime(["2014-02-01", None, None, "2014-03-01"]),
        }
    )
    with pytest.raises(bip.ModelError) as caught:
        bip.interventions.contrast(study, channels=bad)
    for said in ("not in the study", "without a channel", "end before they start", "'none'"):
        assert said in str(caught.value)
    assert "nobody" not in str(caught.value)


# --- first starts


def test_the_first_start_balances_and_gives_the_same_numbers_again(study: Study) -> None:
    one, same = (bip.interventions.first_start_effect(study, draws=30, rng=1) for _ in range(2))
    assert one.balance["before"].abs().max() > 0.2 and one.balance["after"].abs().max() < 0.05
    pd.testing.assert_frame_equal(one.table, same.table)
    assert (one.incidence[:, 1:] >= one.incidence[:, :-1]).all() and one.incidence.max() < 0.3


def test_a_start_without_effect_shows_none_where_ever_against_never_shows_one() -> None:
    """Random starts that do nothing: the trial's difference is about zero; dividing by what came later is not."""
    even = replace(
        E2,
        name="nothing",
        readiness=replace(E2.readiness, drift=(0.0, 0.0, 0.0, 0.0)),
        interventions=replace(
            E2.interventions, job_level=-2.5, job_readiness=0.0, job_orientation=0.0, job_taste=0.0, job_passing=0.0,
            job_shock=0.0,
        ),
    )  # fmt: skip
    still = bip.simulate(even, clients=4000, rng=5)
    for against in ("waiting", "never"):
        found = bip.interventions.first_start_effect(still, against=against, draws=60, rng=1)
        last = found.table.iloc[-1]
        assert abs(last["difference"]) < 3.5 * last["std_error"]
    ends = outcomes(still)
    job = still.interventions["code"].isin(bip.codebook.interventions().query("type == 'job'")["code"])
    ever = ends["client"].isin(still.interventions.loc[job, "client"])
    assert ends["event"][ever].mean() < 0.75 * ends["event"][~ever].mean()  # who stays long begins something


def test_too_few_starts_are_refused_with_their_number(study: Study) -> None:
    job = study.interventions["code"].isin(bip.codebook.interventions().query("type == 'job'")["code"])
    with pytest.raises(bip.ModelError, match="0 first job-oriented starts"):
        bip.interventions.first_start_effect(with_interventions(study, study.interventions[~job]), draws=20)


# --- through progression


def test_parts_add_up_and_do_not_depend_on_the_workers(study: Study) -> None:
    one, two = (bip.interventions.through_progression(study, draws=20, rng=1, jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one.table, two.table)
    direct, through, together = one.estimates.values
    assert together == pytest.approx(direct + through)
    assert "interventional" not in one.paragraph and "unmeasured" in one.paragraph


@pytest.mark.parametrize(
    ("call", "change", "said"),
    [
        ("contrast", {"margin": 0}, "margin=0"),
        ("contrast", {"longest_gap": 0}, "longest_gap=0"),
        ("first_start_effect", {"draws": 3}, "draws=3"),
        ("first_start_effect", {"horizon": 1}, "horizon=1"),
        ("through_progression", {"draws": 3}, "draws=3"),
        ("through_progression", {"landmark": 0}, "landmark=0"),
    ],
)
def test_wrong_arguments_are_named(study: Study, call: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(bip.OptionError, match=said):
        getattr(bip.interventions, call)(study, **change)
