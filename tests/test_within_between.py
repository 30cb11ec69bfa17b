"""Within and between terms by hand, their refusals, and what client means do to an absorbing outcome."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import bipstats as bip

ROWS = pd.DataFrame(
    {
        "client": ["a", "a", "a", "b", "b", "c", "d"],
        "caseworker": ["k", "k", "m", "k", "k", "k", "m"],
        "start": [4, 0, 9, 0, 3, 0, 0],
        "date": [14, 10, 19, 12, 15, 12, 11],
        "x": [3.0, 2.0, 5.0, np.nan, 4.0, 1.0, 6.0],
        "event": [0, 0, 1, 0, 0, 1, 0],
        "y": [1.0, 2.5, 0.5, 3.0, 2.0, 1.0, 0.0],
    },
    index=[7, 3, 3, 1, 0, 9, 2],
)


def test_first_answer_and_change_since_by_hand():
    made = bip.within_between(ROWS, "x", id="client")
    # a began with 2 at start 0 (the second row); b's first answer is the one at 3, of which its row at 0 knows nothing
    assert_array_equal(made["x_first"], [2, 2, 2, np.nan, 4, 1, 6])
    assert_array_equal(made["x_change"], [1, 0, 3, np.nan, 0, 0, 0])
    assert made.index.equals(ROWS.index)
    assert made.columns.tolist() == [*ROWS.columns, "x_first", "x_change"]
    said = made.attrs["within_between"]
    assert said["rows_missing"] == {"x_first": 1, "x_change": 1}
    assert said["units"] == 4
    assert said["slopes"]["x_change"] == "change of x within a unit since its first value"


def test_others_first_answers_before_the_row_by_hand():
    made = bip.within_between(ROWS, "x", id="client", group="caseworker", calendar="date")
    # Firsts: a 2 with k on day 10, b 4 with k on 15, c 1 with k on 12, d 6 with m on 11.
    # Row 1, a with k on day 14: of k's others before it only c; a's own is left out, b's comes later. And so on.
    assert_array_equal(made["x_others"], [1, np.nan, 6, 2, 1.5, 2, np.nan])
    assert_array_equal(made["x_others_n"], [1, 0, 1, 1, 2, 1, 0])


def test_means_deviations_and_others_means_by_hand():
    made = bip.within_between(ROWS, "x", id="client", group="caseworker", past_only=False, outcome="y")
    mean_a = 10 / 3
    assert_allclose(made["x_mean"], [mean_a, mean_a, mean_a, 4, 4, 1, 6])
    assert_allclose(made["x_deviation"], ROWS["x"] - made["x_mean"])
    # With k: a 2.5, b 4, c 1; with m: a 5, d 6.
    assert_allclose(made["x_others"], [2.5, 2.5, 6, 1.75, 1.75, 3.25, 5])
    assert_array_equal(made["x_others_n"], [2, 2, 1, 2, 2, 2, 1])
    assert (
        made.attrs["within_between"]["slopes"]["x_deviation"]
        == "x above or below the unit's own mean (within)"
    )


def test_the_input_is_not_changed_and_several_columns_are_made_at_once():
    before = ROWS.copy(deep=True)
    made = bip.within_between(
        ROWS.assign(z=ROWS["y"].astype("Float64")), ["x", "z"], id=["client", "caseworker"]
    )
    pd.testing.assert_frame_equal(ROWS, before)
    assert ROWS.attrs == {}
    assert {"x_first", "x_change", "z_first", "z_change"} <= set(made.columns)
    assert made["z_first"].iloc[2] == 0.5  # of the pair a, m


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_nothing_after_a_row_moves_its_terms_and_order_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    n = 24
    data = pd.DataFrame(
        {
            "client": rng.integers(0, 6, n),
            "caseworker": rng.integers(0, 2, n),
            "start": rng.permutation(n),
            "x": np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 6, n)),
        }
    ).assign(date=lambda d: d["start"])
    options = dict(id="client", group="caseworker", calendar="date")
    whole = bip.within_between(data, "x", **options)
    shuffled = bip.within_between(data.sample(frac=1, random_state=seed), "x", **options)
    pd.testing.assert_frame_equal(shuffled.sort_index(), whole)
    until = int(rng.integers(5, n))
    past = bip.within_between(data[data["start"] <= until], "x", **options)
    assert_allclose(past.iloc[:, 5:], whole[whole["start"] <= until].iloc[:, 5:], rtol=1e-12)
    direct = data[data["x"].notna()].sort_values("start").groupby("client").first()
    for row in whole.itertuples():
        others = direct[(direct["caseworker"] == row.caseworker) & (direct["date"] < row.date)].drop(
            index=row.client, errors="ignore"
        )
        assert row.x_others_n == len(others)
        assert_allclose(row.x_others, others["x"].mean() if len(others) else np.nan, rtol=1e-12)


@pytest.mark.parametrize(
    "change, options, message",
    [
        ({}, dict(past_only=False), "say which outcome"),
        ({}, dict(outcome="event"), "outcome= belongs to past_only=False"),
        ({}, dict(past_only=None), "neither True nor False"),
        ({}, dict(group="caseworker"), "group= needs calendar="),
        ({}, dict(calendar="date"), "calendar= belongs to group="),
        ({}, dict(time="stop"), "no column 'stop'"),
        (dict(start=[4, None, 9, 0, 3, 0, 0]), {}, "'start', used by time=, is missing in 1 rows"),
        (dict(client=["a", "a", None, "b", "b", "c", "d"]), {}, "missing in 1 rows"),
        (dict(x=list("1234567")), {}, "must hold numbers"),
        (dict(x=[np.inf, 2, 3, 4, 5, 6, 7]), {}, "1 infinite values"),
        (dict(start=0), {}, "2 units have several rows at their first time"),
        (dict(x_first=1), {}, "has columns x_first already"),
        (dict(exit=list("jjjkkkj")), dict(past_only=False, outcome="exit"), "name the level"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_cure(change, options, message):
    data = ROWS.assign(**change)
    if "start" in change and change["start"] == 0:
        data["x"] = np.arange(7.0)
    with pytest.raises(bip.BipstatsError, match=message):
        bip.within_between(data, "x", **dict(id="client") | options)


def test_means_by_client_are_refused_for_an_outcome_that_ends_the_spell():
    with pytest.raises(bip.ModelError) as refusal:
        bip.within_between(ROWS, "x", id="client", past_only=False, outcome="event")
    message = str(refusal.value)
    assert message.startswith("means by client cannot be used for 'event', which ends the time at risk")
    assert "in 2 of 4 groups, and there always in the last row (by the column 'start')" in message
    assert "Allison and Christakis 2006" in message
    assert "bip.within_between(..., past_only=True)" in message
    left = ROWS.assign(exit=np.where(ROWS["event"] == 1, "job", "censored"))
    with pytest.raises(bip.ModelError, match="cannot be used for 'exit == job'"):
        bip.within_between(left, "x", id="client", past_only=False, outcome="exit == job")
    everybody = ROWS.assign(event=[0, 0, 1, 0, 1, 1, 1])  # no one censored: still each span's own end
    with pytest.raises(bip.ModelError, match="in 4 of 4 groups"):
        bip.within_between(everybody, "x", id="client", past_only=False, outcome="event")


def test_means_are_given_for_recurrent_and_measured_outcomes():
    recurrent = ROWS.assign(event=[1, 0, 1, 0, 0, 1, 0])
    assert "x_mean" in bip.within_between(recurrent, "x", id="client", past_only=False, outcome="event")
    halfway = ROWS.assign(event=[1, 0, 0, 0, 0, 0, 0])  # followed on after the event
    assert "x_mean" in bip.within_between(halfway, "x", id="client", past_only=False, outcome="event")
    assert "x_mean" in bip.within_between(ROWS, "x", id="client", past_only=False, outcome="y")


def absorbing_study(seed: int, clients: int = 600, periods: int = 8) -> pd.DataFrame:
    """Discrete time; x drifts by .3 a period around a level of each client; the log odds of the event rise by .4 x."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=clients)
    x = level[:, None] + 0.3 * np.arange(periods) + 0.7 * rng.normal(size=(clients, periods))
    happens = rng.random((clients, periods)) < 1 / (1 + np.exp(2.5 - 0.4 * x))
    at_risk = np.cumsum(happens, axis=1) - happens == 0
    client, period = np.nonzero(at_risk)
    return pd.DataFrame(
        {"client": client, "period": period, "x": x[at_risk], "event": happens[at_risk].astype(int)}
    )


def test_client_means_go_wrong_where_first_and_change_do_not():
    # Allison & Christakis's point on 15 studies with a true slope of .40; bounds are four Monte Carlo errors.
    found = []
    for seed in range(15):
        data = absorbing_study(seed)
        past = bip.within_between(data, "x", id="client", time="period")
        mean = data.groupby("client")["x"].transform("mean")
        naive = bip.hazard("m + d", data.assign(m=mean, d=data["x"] - mean), link="logit")
        fit = bip.hazard("x_first + x_change", past, link="logit")
        found.append([*fit.params[["x_first", "x_change"]], naive.params["d"]])
    first, change, deviation = np.array(found).T
    for slopes in (first, change):
        assert abs(slopes.mean() - 0.4) < 4 * slopes.std(ddof=1) / np.sqrt(15)
    assert abs(deviation.mean() - 0.4) > 10 * deviation.std(ddof=1) / np.sqrt(15)


def test_terms_go_into_a_formula_and_equal_slopes_are_the_covariate_alone():
    data = absorbing_study(1)
    past = bip.within_between(data, "x", id="client", time="period").assign(stop=lambda d: d["period"] + 1)
    both = bip.cox("x_first + x_change", past, start="period")
    alone = bip.cox("x", past, start="period")
    held = bip.cox("x_first + x_sum", past.assign(x_sum=past["x_first"] + past["x_change"]), start="period")
    assert_allclose(held.params["x_first"] + held.params["x_sum"], both.params["x_first"], rtol=1e-8)
    statistic = both.wald("x_first = x_change").statistic
    assert_allclose(statistic, held.wald("x_first = 0").statistic, rtol=1e-8)
    assert_allclose(
        2 * (both.loglik - alone.loglik), statistic, rtol=0.05
    )  # score, Wald and ratio agree roughly
