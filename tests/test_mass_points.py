"""Hazards with mass points: equal to the plain hazard with one, true to the truth with two, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from mixtures import typed_periods
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip

R = json.loads((FOLDER / "piecewise.json").read_text())["piecewise"][0]


def mixed(rows, points=2, formula="x", **arguments):
    return bip.hazard(formula, rows, heterogeneity="mass_points", mass_points=points, **arguments)


@pytest.fixture(scope="module")
def rows():
    return typed_periods()


@pytest.fixture(scope="module")
def fit(rows):
    return mixed(rows)


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_one_point_is_the_plain_hazard(rows, link):
    plain, one = bip.hazard("x", rows, link=link), mixed(rows, 1, link=link)
    assert one.params.index.tolist() == plain.params.index.tolist()
    assert_allclose(one.params, plain.params, rtol=1e-10)
    assert_allclose(one.loglik, plain.loglik, rtol=1e-13)
    assert_allclose(one.predict(rows), plain.predict(rows), rtol=1e-9)
    assert_allclose(one.predict(rows, "survival"), plain.predict(rows, "survival"), rtol=1e-9)
    if link == "logit":  # expected and observed information are the same
        assert_allclose(one.bse, plain.bse, rtol=1e-8)
    assert_allclose(one.with_vcov("robust", rows).bse, robust_by_hand(one, rows), rtol=1e-8)


def robust_by_hand(one, rows):
    """Bread from the observed information, scores summed by person."""
    dummies = [(rows["period"] == period).astype(float) for period in range(1, 6)]
    x = np.column_stack([np.ones(len(rows)), *dummies, rows["x"]])
    eta, y = x @ one.params.to_numpy(), rows["event"].to_numpy()
    if one.specification.link == "logit":
        p = 1 / (1 + np.exp(-eta))
        score, curvature = y - p, p * (1 - p)
    else:
        rate = np.exp(eta)
        ratio = rate / np.expm1(rate)
        score, curvature = (
            np.where(y == 1, ratio, -rate),
            np.where(y == 1, ratio * (ratio + rate - 1), rate),
        )
    bread = np.linalg.inv((x.T * curvature) @ x)
    sums = pd.DataFrame(x * score[:, None]).groupby(rows["client"].to_numpy()).sum().to_numpy()
    return np.sqrt(np.diag(bread @ sums.T @ sums @ bread))


def marginal(params, points, rows):
    """The likelihood of reported numbers, by person and point."""
    effects = np.array([0.0, *(params[f"period[{period}]"] for period in range(1, 6))])
    total = 0.0
    for location, share in zip(points["location"], points["probability"], strict=True):
        rate = np.exp(location + effects[rows["period"]] + params["x"] * rows["x"])
        chance = np.where(rows["event"] == 1, -np.expm1(-rate), np.exp(-rate))
        total = total + share * pd.Series(chance).groupby(rows["client"].to_numpy()).prod()
    return np.log(total).sum()


def test_the_reported_numbers_have_the_reported_likelihood(fit, rows):
    assert_allclose(marginal(fit.params, fit.points, rows), fit.loglik, rtol=1e-12)


def test_predictions_follow_from_the_reported_numbers(fit, rows):
    """Survival averages over the points; the hazard is its relative fall."""
    survival = fit.predict(rows, "survival")
    baseline, points = fit.baseline(), fit.points
    slopes = fit.params["x"] * rows["x"].to_numpy()
    expected = sum(
        share * np.exp(-np.cumsum(np.exp(slopes[:, None] + baseline[point].to_numpy()), axis=1))
        for point, share in zip(points["point"], points["probability"], strict=True)
    )
    assert_allclose(survival, expected, rtol=1e-10)
    before = np.column_stack([np.ones(len(rows)), survival.to_numpy()[:, :-1]])
    here = rows["period"].to_numpy()
    own = (1 - survival.to_numpy() / before)[np.arange(len(rows)), here]
    assert_allclose(fit.predict(rows), own, rtol=1e-9)


def test_errors_come_from_the_likelihood_of_the_reported_numbers(fit, rows):
    """Along a line through the estimate the log-likelihood falls by the covariance's inverse."""
    information = np.linalg.inv(fit.cov.to_numpy())
    for name in ("x", "point[2]", "log odds[2]"):
        place, step = fit.params.index.get_loc(name), 1e-3
        up, down = (loglik_at(fit, rows, name, sign * step) for sign in (1, -1))
        curvature = -(up - 2 * fit.loglik + down) / step**2
        assert_allclose(curvature, information[place, place], rtol=1e-4)


def loglik_at(fit, rows, name, step):
    params = fit.params.copy()
    params[name] += step
    odds = np.exp([0.0, params["log odds[2]"]])
    locations = params[["point[1]", "point[2]"]].to_numpy()
    return marginal(params, pd.DataFrame({"location": locations, "probability": odds / odds.sum()}), rows)


def test_clusters_hold_whole_persons(fit, rows):
    joined = rows.assign(office=rows["client"] // 20, moving=(rows["client"] + rows["period"]) % 7)
    clustered = fit.with_vcov(bip.cluster("office"), joined)
    again = mixed(joined, vcov=bip.cluster("office"))
    assert_allclose(clustered.bse, again.bse, rtol=1e-8)
    assert clustered.n_clusters == 20
    by_person = fit.with_vcov(bip.cluster("client"), rows)
    assert_allclose(by_person.bse, fit.with_vcov("robust", rows).bse, rtol=1e-10)
    with pytest.raises(bip.ModelError, match=r"clusters must hold whole units.*'moving' changes within"):
        mixed(joined, vcov=bip.cluster("moving"))
    with pytest.raises(bip.OptionError, match="no covariance for few clusters"):
        fit.with_vcov(bip.cluster("office", small_sample="jackknife"), joined)
    with pytest.raises(bip.ModelError, match="these are not the data of the fit"):
        fit.with_vcov("robust", rows.assign(x=rows["x"] + rows["period"]))


def test_what_must_not_matter(fit, rows):
    """Order of rows, names of persons, the covariate's origin and unit, rows cut in parts by exposure."""
    other = rows.sample(frac=1, random_state=3).assign(x=lambda d: 10 + 2 * d["x"])
    other["client"] = "p" + other["client"].astype(str)
    moved = mixed(other)
    assert_allclose(moved.loglik, fit.loglik, rtol=1e-12)
    assert_allclose(2 * moved.params["x"], fit.params["x"], rtol=1e-6)
    assert_allclose(moved.points["location"] + 10 * moved.params["x"], fit.points["location"], rtol=1e-6)
    assert_allclose(moved.points["probability_std_error"], fit.points["probability_std_error"], rtol=1e-5)
    parts = pd.concat([rows.assign(event=0, exposure=0.4), rows.assign(exposure=0.6)])
    whole = rows["event"] == 1
    parts = pd.concat([parts[~np.r_[whole, whole]], rows[whole].assign(exposure=1.0)])
    cut = mixed(parts, exposure="exposure")
    assert_allclose(cut.params, fit.params, rtol=1e-6)


def test_the_number_of_points_is_chosen_by_the_criterion(rows):
    chosen = mixed(rows, "aic")
    table = chosen.selection
    assert table["mass_points"].tolist() == list(range(1, len(table) + 1))
    assert table.loc[table["chosen"], "aic"].item() == table["aic"].min()
    assert_allclose(table["aic"], 2 * table["n_params"] - 2 * table["loglik"])
    assert_allclose(table["bic"], np.log(400) * table["n_params"] - 2 * table["loglik"])
    assert table["n_params"].tolist() == [7 + 2 * k for k in range(len(table))]
    assert chosen.glance()["mass_points"].item() == chosen.n_points
    assert chosen.n_params == table.loc[table["chosen"], "n_params"].item()
    assert mixed(rows, "bic").selection["bic"].min() == table["bic"].min()


def test_the_summary_says_what_may_not_be_said(fit):
    text = str(fit)
    assert "The mixing law is a nuisance and is not interpreted" in text and "Baker & Melino 2000" in text
    assert "stock sample" in text and "Ridder 1984" in text
    assert "2, given" in text and "with probability" in text
    assert "2 mass points (as given)" in fit.methods_text()
    with pytest.raises(bip.ModelError, match="no linear predictor of its own"):
        fit.linear(pd.DataFrame({"x": [0.0], "period": [0]}))


def test_the_true_slope_is_recovered_where_the_plain_hazard_is_not():
    """Twelve studies: the mean is within three of its Monte Carlo errors of the truth, the plain one's far off."""
    studies = [typed_periods(seed, persons=1200, periods=8) for seed in range(12)]
    with_points = np.array([mixed(study).params["x"] for study in studies])
    without = np.array([bip.hazard("x", study).params["x"] for study in studies])
    assert abs(with_points.mean() - 0.6) < 3 * with_points.std(ddof=1) / np.sqrt(12)
    assert without.mean() - 0.6 < -8 * without.std(ddof=1) / np.sqrt(12)


def late(rows):
    """A fifth of the persons is seen from period 2 on only."""
    return rows[(rows["client"] % 5 > 0) | (rows["period"] >= 2)]


def test_late_entry_is_refused_or_conditioned_on(rows):
    some = late(rows)
    with pytest.raises(bip.ModelError, match=r"(?s)enter after time zero.*Ridder 1984"):
        mixed(some)
    fit = mixed(some, delayed_entry="condition")
    assert_allclose(conditional(fit, some), fit.loglik, rtol=1e-12)
    ignoring = mixed(some, delayed_entry="ignore")
    assert_allclose(marginal(ignoring.params, ignoring.points, some), ignoring.loglik, rtol=1e-12)
    assert "conditional on survival until entry" in str(fit) and "not accounted for" in str(ignoring)
    twice = pd.concat([some, some.assign(event=0)])
    with pytest.raises(bip.ModelError, match="needs one row per 'client' and 'period'"):
        mixed(twice, delayed_entry="condition")
    with pytest.raises(bip.OptionError, match="needs whole periods"):
        mixed(some.assign(exposure=1.0), exposure="exposure", delayed_entry="condition")
    with pytest.raises(bip.OptionError, match="needs an effect per period"):
        mixed(some, delayed_entry="condition", baseline=2)


def conditional(fit, rows):
    """The likelihood over that of the same persons' time before entry."""
    first = rows.sort_values("period").groupby("client").head(1)
    before = first.loc[first.index.repeat(first["period"])].assign(event=0)
    before["period"] = before.groupby("client").cumcount()
    whole = pd.concat([rows, before])
    return marginal(fit.params, fit.points, whole) - marginal(fit.params, fit.points, before)


def one_row(rows):
    return rows[rows["period"] == 0]


BAD = {
    "no id": (lambda d: d.rename(columns={"client": "who"}), {}, bip.OptionError, "name its column by id="),
    "missing id": (
        lambda d: d.assign(client=d["client"].where(d["client"] > 3)),
        {},
        bip.ModelError,
        "'client', used by id=, is missing in",
    ),
    "one id": (lambda d: d.assign(client=1), {}, bip.ModelError, "one value only; heterogeneity needs many"),
    "one row a person": (one_row, {}, bip.ModelError, "is at risk in one period .* only.*not identified"),
    "absorbed": (
        lambda d: d.assign(office=d["client"] % 5),
        dict(absorb="office"),
        bip.OptionError,
        "do not go together",
    ),
    "no number": (lambda d: d, dict(points=None), bip.OptionError, "needs mass_points="),
    "a strange number": (
        lambda d: d,
        dict(points=2.5),
        bip.OptionError,
        "mass_points=2.5 is no number of points",
    ),
    "an unknown entry": (lambda d: d, dict(delayed_entry="yes"), bip.OptionError, "delayed_entry='yes'"),
    "no such column": (lambda d: d, dict(id="person"), bip.ModelError, "no column 'person'.*which id= names"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(rows, name):
    spoil, arguments, kind, message = BAD[name]
    with pytest.raises(kind, match=f"(?s){message}"):
        mixed(spoil(rows), **arguments)


def test_all_events_in_one_period_are_named(rows):
    """Periods without events are left out, so persons are then at risk in one period only."""
    only = rows.assign(event=rows["event"] * (rows["period"] == 1))
    with pytest.raises(bip.ModelError, match="at risk in one period"):
        mixed(only)


def test_arguments_that_nothing_reads_are_refused(rows):
    with pytest.raises(bip.OptionError, match="are read with heterogeneity"):
        bip.hazard("x", rows, mass_points=2)
    with pytest.raises(bip.OptionError, match="do not go together: both are laws of the intercept"):
        mixed(rows, random="client")
    with pytest.raises(bip.OptionError, match="heterogeneity='gamma' is not an option"):
        bip.hazard("x", rows, heterogeneity="gamma", mass_points=2)


def test_more_points_than_the_data_carry_are_refused():
    """With one covariate of two values and two periods a law of five points says nothing that fewer do not."""
    draw = np.random.default_rng(5)
    x = draw.integers(0, 2, 300)
    first = draw.random(300) < 0.3
    rows = pd.concat(
        [
            pd.DataFrame({"client": np.arange(300), "period": 0, "event": first.astype(int), "x": x}),
            pd.DataFrame(
                {
                    "client": np.arange(300)[~first],
                    "period": 1,
                    "event": (draw.random((~first).sum()) < 0.3).astype(int),
                    "x": x[~first],
                }
            ),
        ]
    )
    with pytest.raises(bip.ModelError, match=r"mass_points=5 are more than the data carry, which is \d"):
        mixed(rows, 5)
    assert mixed(rows, "aic").n_points == 1


def test_fits_with_different_numbers_of_points_have_no_likelihood_ratio(fit, rows):
    with pytest.raises(bip.ModelError, match="points"):
        bip.lr_test(fit, mixed(rows, 3))


def cgd(**arguments):
    data = frame("cgd")
    return bip.piecewise_exponential(
        "treat + age",
        data,
        cuts=[100, 200, 300],
        start="tstart",
        stop="tstop",
        event="status",
        id="id",
        **arguments,
    )


def test_piecewise_exponential_agrees_with_poisson_regression_in_r():
    fit = cgd()
    assert_allclose(fit.params, R["coef"], rtol=1e-8)
    assert_allclose(fit.bse, R["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, R["loglik"], rtol=1e-11)
    assert_allclose(fit.with_vcov(bip.cluster("id"), frame("cgd")).bse, R["cluster"], rtol=1e-8)


def spells(seed=3, persons=600):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=persons)
    rate = np.exp(np.where(draw.random(persons) < 0.5, -3.5, -1.2) + 0.6 * x)
    time, censored = draw.exponential(1 / rate), draw.uniform(6, 20, persons)
    return pd.DataFrame(
        {
            "client": np.arange(persons),
            "start": 0.0,
            "stop": np.minimum(time, censored),
            "event": (time < censored).astype(int),
            "x": x,
        }
    )


def exponential_by_loops(fit, rows, entry=None):
    """Likelihood of whole spells from the reported numbers; of survival alone to `entry`."""
    edges, points = np.array([0.0, 3.0, 8.0, np.inf]), fit.points
    log_rate = np.array([0.0, fit.params["time[3-8]"], fit.params["time[8+]"]])
    total = 0.0
    for i, row in enumerate(rows.itertuples()):
        stop, event = (row.stop, row.event) if entry is None else (entry[i], 0)
        spent = np.clip(stop - edges[:-1], 0, np.diff(edges))
        here = log_rate[np.searchsorted(edges, stop) - 1] if event else 0.0
        eta = points["location"].to_numpy() + fit.params["x"] * row.x
        value = np.exp(event * (eta + here) - np.exp(eta) * (spent @ np.exp(log_rate)))
        total += np.log(points["probability"].to_numpy() @ value)
    return total


def test_piecewise_mass_points_have_the_likelihood_of_whole_spells():
    rows = spells()
    fit = bip.piecewise_exponential("x", rows, cuts=[3, 8], mass_points=2)
    assert_allclose(exponential_by_loops(fit, rows), fit.loglik, rtol=1e-12)
    assert abs(fit.params["x"] - 0.6) < 3 * fit.bse["x"]
    survival = fit.predict(rows.head(1), "survival", times=[3.0, 3.0 + 1e-6])
    hazard = fit.hazard_at(rows.head(1), 3.0 + 1e-6)
    fall = -np.diff(np.log(survival.to_numpy()))[0, 0] / 1e-6
    assert_allclose(fall, hazard.iloc[0, 0], rtol=1e-6)
    pieces = pd.concat([rows.assign(stop=rows["stop"] / 2, event=0), rows.assign(start=rows["stop"] / 2)])
    assert_allclose(
        bip.piecewise_exponential("x", pieces, cuts=[3, 8], mass_points=2).params, fit.params, rtol=1e-6
    )


def test_piecewise_late_entry_conditions_on_survival():
    rows = spells()
    entry = np.where(rows["client"] % 4 == 0, 2.0, 0.0)
    seen = (rows["stop"] > entry).to_numpy()
    late, entry = rows[seen].assign(start=entry[seen]), entry[seen]
    with pytest.raises(bip.ModelError, match="enter after time zero"):
        bip.piecewise_exponential("x", late, cuts=[3, 8], mass_points=2)
    fit = bip.piecewise_exponential("x", late, cuts=[3, 8], mass_points=2, delayed_entry="condition")
    expected = exponential_by_loops(fit, late) - exponential_by_loops(fit, late, entry)
    assert_allclose(fit.loglik, expected, rtol=1e-12)
    plain = bip.piecewise_exponential("x", late, cuts=[3, 8])
    assert plain.loglik < fit.loglik


BAD_PIECES = {
    "descending": (dict(cuts=[8, 3]), bip.OptionError, "no ascending list of positive times"),
    "text": (dict(cuts="3"), bip.OptionError, "no ascending list"),
    "overlap": (dict(cuts=[3], start="zero"), bip.ModelError, "no column 'zero'"),
    "no id": (dict(cuts=[3], id="who", mass_points=2), bip.ModelError, "no column 'who'.*which id= names"),
}


@pytest.mark.parametrize("name", BAD_PIECES)
def test_bad_pieces_are_named(name):
    arguments, kind, message = BAD_PIECES[name]
    with pytest.raises(kind, match=message):
        bip.piecewise_exponential("x", spells(), **arguments)


def test_pieces_without_events_have_hazard_zero_and_are_counted():
    rows = spells()
    rows["event"] *= rows["stop"] <= 8
    fit = bip.piecewise_exponential("x", rows, cuts=[3, 8])
    assert fit.baseline().loc["8+", 1] == -np.inf and "8+ (hazard estimated as zero)" in str(fit)
    survival = fit.predict(rows.head(2), "survival", times=[8, 15])
    assert_allclose(survival[8.0], survival[15.0])
    with pytest.raises(bip.ModelError, match="nobody was seen after"):
        fit.predict(rows.head(2), "survival", times=1e6)
    with pytest.raises(bip.OptionError, match="times= is for kind="):
        fit.predict(rows.head(2), times=3)
