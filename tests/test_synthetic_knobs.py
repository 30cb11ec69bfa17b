"""Every knob of the generator shows in the data what it says, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bipstats as bip
from bipstats.codebook import CLIENT_ITEMS
from bipstats.synthetic.exits import Rates
from bipstats.synthetic.histories import NO_SWITCH
from bipstats.synthetic.moments import moments
from bipstats.synthetic.recurrence import further_jobs
from bipstats.synthetic.streams import streams
from bipstats.synthetic.world import Action, World, make_world

SIZE = 4000


def world(changes: dict[str, object] | None = None, base: str = "E2", size: int = SIZE) -> World:
    return make_world(bip.scenarios()[base].replace(changes or {}), size, streams(21), Action())


@pytest.fixture(scope="module")
def usual() -> World:
    return world()


def entered(drawn: World) -> np.ndarray:
    return np.isin(drawn.out.kind, (1, 2))


def calendar_week(drawn: World) -> np.ndarray:
    """Week of the exit, or of the data end."""
    return drawn.persons.entry + np.minimum(drawn.out.week, drawn.out.followed)


# The calendar ---------------------------------------------------------------------------------------------


def test_a_reform_raises_entry_from_its_week_on(usual):
    reformed = world({"period.reform_week": 100, "period.reform_effect": np.log(2).item()})
    assert_allclose(reformed.hazards.length.sum(axis=1), usual.hazards.length.sum(axis=1), rtol=1e-15)
    calendar = reformed.hazards.start + reformed.persons.entry[:, None]  # end of the week before the piece
    before = np.repeat(usual.hazards.entry, 2, axis=1)
    there = reformed.hazards.length > 0
    assert_allclose(
        (reformed.hazards.entry / before)[there], np.where(calendar >= 99, 2, 1)[there], rtol=1e-14
    )
    earlier = calendar_week(usual) < 100
    assert_array_equal(reformed.out.week[earlier], usual.out.week[earlier])
    later = ~earlier & (usual.out.kind == 0) & entered(reformed)
    assert later.any() and (calendar_week(reformed)[later] >= 100).all()
    assert entered(reformed).sum() > 1.2 * entered(usual).sum()


def test_a_trend_moves_the_log_hazard_by_the_year(usual):
    rising = world({"period.trend": 0.3})
    week = usual.persons.entry[:, None] + 13 * np.arange(usual.path.before.shape[1])
    expected = np.repeat(0.3 * week / 52, 2, axis=1)
    assert_allclose(np.log(rising.hazards.entry / usual.hazards.entry), expected, rtol=1e-9, atol=1e-12)


def test_job_centres_can_start_one_after_another(usual):
    staggered = world({"calendar.centre_delay": 6})
    assert_array_equal(staggered.persons.entry, usual.persons.entry + 6 * usual.persons.centre)
    with pytest.raises(bip.OptionError, match="4 weeks before the end"):
        bip.Truth().replace({"calendar.centre_delay": 15})


# Further jobs ---------------------------------------------------------------------------------------------


def jobs_after_enrolment(study: bip.Study) -> pd.DataFrame:
    runs = bip.register_states(study)
    return runs[(runs["state"] == "job") & (runs["start_week"] > 0)]


def test_lost_jobs_are_followed_by_others_in_the_register():
    once = bip.simulate(clients=1500, rng=4)
    again = bip.simulate(bip.Truth().replace({"recurrence.again": 4.0}), clients=1500, rng=4)
    first, all_jobs = jobs_after_enrolment(once), jobs_after_enrolment(again)
    assert not first["client"].duplicated().any()
    kept = all_jobs.drop_duplicates("client")[["client", "start_week", "end_week"]]
    assert kept.reset_index(drop=True).equals(first[list(kept)].reset_index(drop=True))
    further = all_jobs[all_jobs["client"].duplicated()]
    assert len(further) > 20
    gap = all_jobs["start_week"] - all_jobs.groupby("client")["end_week"].shift()
    assert (gap.dropna() >= 2).all()  # a week of benefit at least
    for name in ("clients", "responses", "assignments", "interventions"):
        assert getattr(once, name).equals(getattr(again, name))
    assert bip.check_study(again).empty
    assert bip.spells(once)["event"].sum() == bip.spells(again)["event"].sum()


def test_further_jobs_come_at_the_rate_asked_for():
    """Constant hazard h: the share in another job within 26 weeks is 1 - exp(-again (1 - education) 2 h)."""
    n, h = 40_000, 0.2
    start, length = np.tile([0.0, 13.0, 26.0, 39.0], (n, 1)), np.full((n, 4), 13.0)
    hazard = Rates(start, length, np.full((n, 4), h), np.full((n, 4), 0.1))
    truth = bip.Truth().replace({"recurrence.again": 1.5, "exits.job_stays": 1.0})
    rounds = list(further_jobs(truth, hazard, np.full(n, 26), np.full(n, 52), np.random.default_rng(1)))
    assert len(rounds) == 1  # all jobs last
    share, expected = len(rounds[0].client) / n, 1 - np.exp(-1.5 * 0.85 * 2 * h)
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    assert rounds[0].week.min() == 27 and rounds[0].week.max() == 52


# Questionnaires -------------------------------------------------------------------------------------------


def test_being_asked_can_move_search_and_readiness(usual):
    still = {"readiness.drift": (0.0,) * 4}  # classes, which follow readiness, then do nothing
    plain, moved = world(still), world({**still, "reactivity.readiness": 0.1})
    gain = 0.1 * (np.cumsum(moved.path.asked, axis=1) - moved.path.asked)
    assert_allclose(moved.path.readiness, plain.path.readiness + gain, atol=1e-12)
    searching = world({"reactivity.search": 0.4})
    assert_array_equal(searching.path.asked, usual.path.asked)
    ratio = np.repeat(np.exp(0.4 * usual.path.asked), 2, axis=1)
    assert_allclose(searching.hazards.entry, usual.hazards.entry * ratio, rtol=1e-12)
    assert usual.path.asked[:, 0].all()


def test_a_quarter_is_asked_about_where_its_questionnaire_is():
    """Two thousand clients have more questionnaires than are kept here: each kept one was planned."""
    truth = bip.Truth().replace({"measurement.pairs_per_client": 3.0})
    drawn, study = make_world(truth, 2000, streams(3), Action()), bip.simulate(truth, clients=2000, rng=3)
    rows = study.responses[study.responses["respondent"] == "client"]
    client = rows["client"].str[1:].astype(int).to_numpy() - 1
    monday = rows["date"].to_numpy().astype("datetime64[D]")
    week = (monday - np.datetime64("2012-12-31")).astype(int) // 7 - drawn.persons.entry[client]
    assert drawn.path.asked[client, week // 13].all()


def test_a_new_version_of_the_questionnaire_moves_answers_from_its_day_on():
    base = bip.simulate(clients=2000, rng=5).responses
    truth = bip.Truth().replace({"instrument.week": 104, "instrument.shift": 0.5})
    new = bip.simulate(truth, clients=2000, rng=5).responses
    later = (base["date"] >= "2014-12-29").to_numpy()
    assert base[~later].equals(new[~later])
    change = (new.loc[later, list(CLIENT_ITEMS)] - base.loc[later, list(CLIENT_ITEMS)]).mean()
    step = moments(truth).item_step
    assert_allclose(change.astype(float), 0.5 / step, rtol=0.15)  # less where many answer 5 already
    noisy = bip.simulate(bip.Truth().replace({"instrument.noise": 3.0}), clients=2000, rng=5).responses
    assert base[~later].equals(noisy[~later])
    for rows, low, high in ((base[later], 0.6, 0.85), (noisy[later], 0.05, 0.45)):
        pair = [
            rows.loc[rows["respondent"] == rater, "job_search"].astype(float)
            for rater in ("client", "caseworker")
        ]
        assert low < np.corrcoef(*pair)[0, 1] < high


def test_who_is_in_a_low_can_be_missed():
    def passing(changes: dict[str, object]) -> float:
        drawn = world(changes)
        risk = 13 * np.arange(1, drawn.path.before.shape[1]) < drawn.out.week[:, None]
        return drawn.path.passing[:, 1:][drawn.path.asked[:, 1:] & risk].mean()

    assert abs(passing({})) < 0.06
    assert passing({"measurement.missed": 0.3, "measurement.missed_passing": -1.0}) > 0.1
    assert passing({"measurement.dropout_passing": -1.0}) > 0.3


# Caseworkers ----------------------------------------------------------------------------------------------


def test_switches_can_follow_the_clients_trouble():
    """Individual switches only: departures take whoever is there."""

    def moved(changes: dict[str, object]) -> tuple[float, float, float]:
        drawn = world({"switches.departure_share": 0.0, **changes})
        at = drawn.path.switch < NO_SWITCH
        outlook = (drawn.path.prospects + drawn.persons.prospects[:, None]) / drawn.scale.total_sd
        return outlook[at].mean(), drawn.path.passing[at].mean(), drawn.path.shock[at].mean()

    plain = moved({})
    assert moved({"switches.on_prospects": -0.8})[0] < plain[0] - 0.5
    assert abs(moved({"switches.on_passing": -0.8})[1] + 0.8) < 0.1  # a normal law tilted by exp(-.8 z)
    assert moved({"switches.on_shock": 2.0})[2] > 4 * plain[2]


def test_departures_move_whole_caseloads():
    for share, low, high in ((0.0, 0.0, 0.02), (1.0, 0.98, 1.0)):
        drawn = world({"switches.departure_share": share})
        client, quarter = np.nonzero(drawn.path.switch < NO_SWITCH)
        week = drawn.persons.entry[client] + 13 * quarter + drawn.path.switch[client, quarter] + 1
        left = week == drawn.team.departs[drawn.path.before[client, quarter]]
        assert low <= left.mean() <= high


def test_the_effect_of_a_switch_halves_in_its_half_life():
    drawn = world({"switches.half_life": 1.0, "switches.effect": -1.0})
    kept = world({"switches.half_life": 1.0, "switches.effect": 0.0})
    log = np.log(drawn.hazards.entry / kept.hazards.entry).reshape(*drawn.path.before.shape, 2)
    switched = drawn.path.switch < NO_SWITCH
    assert_allclose(log[switched][:, 1], -1.0, rtol=1e-9)
    rows = switched[:, 0] & ~switched[:, 1] & (drawn.path.switch[:, 0] == 0)
    assert rows.any()
    assert_allclose(log[rows, 1, 0], -0.5, rtol=1e-9)


def test_clients_can_be_dealt_out_in_turn():
    drawn = world({"caseworkers.assignment": "round robin", "switches.rate": 0.0})
    load = np.bincount(drawn.path.before[:, 0], minlength=len(drawn.team.centre))
    for centre in range(10):
        own = load[drawn.team.centre == centre]
        assert own.max() - own.min() <= 1
    one = drawn.persons.centre == 2
    order = np.argsort(drawn.persons.entry[one], kind="stable")
    entry, place = drawn.persons.entry[one][order], drawn.path.before[one, 0][order]
    first_round = place[: np.sum(drawn.team.centre == 2)]
    assert len(set(first_round)) == len(first_round)
    assert (np.diff(entry) >= 0).all()
    leaving = world({"caseworkers.assignment": "round robin", "switches.rate": 0.3})
    assert (leaving.team.departs[leaving.path.before[:, 0]] > leaving.persons.entry).all()


def test_private_views_persist_as_asked():
    for rho in (0.0, 0.95):
        view = world({"belief.private_persistence": rho}).path.private_view
        assert abs(np.corrcoef(view[:, 3], view[:, 4])[0, 1] - rho) < 0.06


# Interventions and health ---------------------------------------------------------------------------------


def test_classes_can_follow_momentary_lows():
    plain, low = world(), world({"interventions.job_passing": -2.0})
    job = [drawn.path.passing[drawn.path.klass >= 2].mean() for drawn in (plain, low)]
    assert -0.15 < job[0] < 0 and job[1] < -0.5


def test_health_shocks_come_and_go():
    assert not world({"readiness.shock_on": 0.0}).path.shock.any()
    shock = world({"readiness.shock_on": 0.05, "readiness.shock_off": 0.5}).path.shock
    assert abs(shock[:, -1].mean() - 0.05 / 0.55) < 0.02
    assert abs(1 - shock[:, 1:][shock[:, :-1]].mean() - 0.5) < 0.03


# Training -------------------------------------------------------------------------------------------------


def test_half_the_caseworkers_of_each_centre_are_trained(usual):
    drawn = world({"training.caseworkers": 0.5})
    for centre in range(10):
        own = drawn.trial.caseworker[drawn.team.centre == centre]
        assert abs(own.sum() - len(own) / 2) <= 0.5
    assert_array_equal(drawn.path.before, usual.path.before)  # who was drawn changes nobody's histories
    everybody = world({"training.clients": 1.0})
    assert everybody.trial.client.all() and not everybody.trial.caseworker.any()


def test_training_moves_belief_and_jobs_where_belief_is_a_cause():
    week = 80
    for base, cause in (("E2", True), ("F", False)):
        plain = world({}, base)
        trained = world({"training.caseworkers": 1.0, "training.week": week}, base)
        earlier = calendar_week(plain) < week
        assert_array_equal(trained.out.week[earlier], plain.out.week[earlier])
        assert (entered(trained).sum() > entered(plain).sum()) == cause
        assert (trained.out.week == plain.out.week).all() != cause


def test_the_study_says_who_was_trained(tmp_path):
    truth = bip.Truth().replace({"training.caseworkers": 0.5})
    study = bip.simulate(truth, clients=1500, rng=2, latent=True)
    plain = bip.simulate(clients=1500, rng=2)
    assert "trained" not in plain.clients and study.clients["trained"].dtype == "boolean"
    first = study.assignments.drop_duplicates("client").set_index("client")["caseworker"]
    arms = study.clients.set_index("client")["trained"].groupby(first).nunique()
    assert (arms == 1).all()

    def first_belief(made: bip.Study) -> pd.Series:
        rows = made.responses[made.responses["respondent"] == "caseworker"].drop_duplicates("client")
        return rows.set_index("client")["caseworker_belief"].astype(float)

    change = first_belief(study) - first_belief(plain)
    trained = study.clients.set_index("client")["trained"].astype(bool)
    assert (change[~trained] == 0).all()
    assert abs(change[trained].mean() - 1) < 0.15  # a step is one level of the mean answer
    study.to_folder(tmp_path)
    assert bip.check_study(tmp_path).empty
    assert bip.read_study(tmp_path) == study
    assert "training_effect" in set(study.truth["quantity"])
