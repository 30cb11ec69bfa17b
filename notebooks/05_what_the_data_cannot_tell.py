# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What can the data not tell?
#
# A table of answers and registers gives a number to nearly every question that is put to it. Some of these numbers are
# wrong in ways that no larger sample and no better model of the same columns will show.
#
# How would we notice? In a real study we would not. Here we build worlds in which we *know* that there is no effect,
# analyse them as one would, and look at what comes out.
#
# **All persons here are synthetic.** The worlds are choices of this project; no number below is an estimate of BIP. Five
# traps, each with an exercise of some ten lines at the end. Runs in half a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bipstats as bip

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
MODEL = bip.formula("indicators", "background", "jobcentre")
BY_CASEWORKER = bip.cluster("caseworker")
BELIEF = "caseworker_belief"

worlds = bip.scenarios()
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame({"what is true": {name: worlds[name].statement for name in ("E2", "N2", "F", "S", "RTM")}}))

# %% [markdown]
# ## 1. Immortal time
#
# *Do clients who change caseworker find fewer jobs?* We turn the effect of a change off, so that the right answer is "no
# difference", and compare clients who ever change with those who never do.

# %%
no_harm = bip.simulate(worlds["E2"].replace({"switches.effect": 0.0}), rng=1)
spells = bip.spells(no_harm)
spells["ever"] = spells.groupby("client")["switched"].transform("max")

ratios = {}
for name, column in (("ever changed", "ever"), ("has changed by now", "switched")):
    fit = bip.cox(f"{MODEL} + {column}", spells, vcov=BY_CASEWORKER)
    ratios[name] = fit.tidy(exponentiate=True).set_index("term").loc[column, ["estimate", "conf_low", "conf_high"]]
pd.DataFrame(ratios).T.astype(float).round(2)

# %% [markdown]
# "Ever" makes a change look like a disaster. But whoever changes in week 80 *must not* have found a job in the 80 weeks
# before: those weeks are called immortal, and they are counted on the side of the change. Who finds a job early has no
# time left to change. The second row looks only at what has happened *by* each week, and the harm is gone.
#
# The picture shows where the time goes. The grey part of the upper bar cannot contain an entry, by construction.

# %%
weeks = (spells["stop"] - spells["start"]).groupby([spells["ever"], spells["switched"]]).sum() / 52

figure, axes = plt.subplots(figsize=(7.5, 2.4), layout="constrained")
axes.barh([1], [weeks[1, 0]], color=GREY)
axes.barh([1], [weeks[1, 1]], left=[weeks[1, 0]], color=ORANGE)
axes.barh([0], [weeks[0, 0]], color=BLUE)
axes.text(weeks[1, 0] / 2, 1, "immortal", ha="center", va="center", color="white")
axes.text(weeks[1, 0] + weeks[1, 1] / 2, 1, "after the change", ha="center", va="center", color="white")
axes.set_yticks([0, 1], ["never change", "ever change"])
axes.set_xlabel("Client-years at risk")
axes.set_title("Time at risk by what happens later (synthetic)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *Can the data tell?* Yes, this one. A covariate may only use what is known at the time. `bip.spells` never lets an answer
# or a change explain an earlier week.
#
# ## 2. The winner's curse
#
# *How much do the best caseworkers do?* A published contrast: with the most effective caseworkers 23 % of the clients
# find a job, with the least effective 7 % (E15 in `bip.codebook`). We build a world in which **no caseworker makes
# any difference**, sort caseworkers by their clients' success, and compare the better half with the other. (N2 without
# its small differences and without belief; the level of the hazard is raised to bring back the entries that this costs.)

# %%
n2 = worlds["N2"]
no_difference = {"caseworkers.effect_sd": 0.0, "hazard.belief": 0.0, "interventions.job_orientation": 0.0}
no_difference["hazard.level"] = n2.hazard.level + 0.35
nobody = bip.simulate(n2.replace(no_difference), rng=1)
first_caseworker = nobody.assignments.drop_duplicates("client").set_index("client")["caseworker"].astype(str)
entered = bip.spells(nobody, carry_weeks=208).groupby("client")["event"].max()
clients = pd.DataFrame({"caseworker": first_caseworker, "entered": entered}).dropna().astype({"entered": int})


def by_halves(judged, shown):
    """Share entered, in %: the better and the worse half by `judged`, both read from `shown`."""
    share = judged.groupby("caseworker")["entered"].agg(["mean", "size"])
    share = share[share["size"] >= 6]
    better = share["mean"].rank(method="first") > len(share) / 2
    then = shown.groupby("caseworker")["entered"].mean().reindex(share.index)
    return pd.Series({"better half": 100 * then[better].mean(), "other half": 100 * then[~better].mean()})


half = np.random.default_rng(1).permutation(len(clients)) % 2 == 0
halves = pd.DataFrame(
    {
        "judged and shown by the same clients": by_halves(clients, clients),
        "judged by one half of them, shown by the other": by_halves(clients[half], clients[~half]),
    }
).T
halves.round(1)

# %% [markdown]
# A gap like the published one, from nothing: a caseworker has a dozen clients, and of so few sometimes none finds a job
# and sometimes many do. Whoever is picked *for* a good result has had good luck. Shown by other clients, the winners
# are ordinary.

# %%
shares = clients.groupby("caseworker")["entered"].agg(["mean", "size"]).query("size >= 6")["mean"].sort_values()

figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
colours = np.where(np.arange(len(shares)) < len(shares) / 2, GREY, ORANGE)
axes.scatter(range(len(shares)), 100 * shares, c=colours, s=10)
axes.axhline(100 * clients["entered"].mean(), color="black", linewidth=1)
axes.text(0, 100 * clients["entered"].mean() + 1, "the share of all clients", fontsize=9)
axes.set(xlabel="Caseworkers, by their own share", ylabel="Clients in job or education, %", xticks=[])
axes.set_title("A world without any difference between caseworkers (synthetic)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *Can the data tell?* Yes, if asked for the spread *net of noise*: `bip.caseworkers.value_added` does that, and
# notebook 03 shows it. They cannot tell who is best.
#
# ## 3. Regression to the mean
#
# *Do interventions bring clients forward?* In world RTM they do nothing: readiness drifts alike whatever is done. But
# clients are sent to interventions in a momentary low, and the low passes.

# %%
rtm = bip.simulate(worlds["RTM"], rng=1)
progress = bip.interventions.contrast(rtm, method="raw", rng=1)
truth = rtm.truth[rtm.truth["scale"] == "sd per quarter"].set_index("quantity")["value"]
seen = progress.table.set_index("term")[["observed", "observed_low", "observed_high"]]
seen["true drift"] = [truth[f"drift_{name}"] for name in ("none", "other_only", "job_only", "job_and_other")]
seen.round(3)

# %% [markdown]
# In standard deviations of readiness per quarter. A clean gradient, from a fall without interventions to a rise with both
# kinds, and every true difference is zero. What gives it away is a *placebo*: the class of a quarter against the change in the
# quarter **before**. No intervention can have caused that.

# %%
placebo = progress.placebo.set_index("term")
after = progress.designs.query("design == 'observed means'").set_index("term")

figure, axes = plt.subplots(figsize=(7.5, 3), layout="constrained")
for line, term in enumerate(placebo.index):
    for frame, colour, lift in ((after, BLUE, 0.12), (placebo, ORANGE, -0.12)):
        axes.plot(frame.loc[term, ["conf_low", "conf_high"]].astype(float), [line + lift] * 2, color=colour, linewidth=1.8)
        axes.plot(frame.loc[term, "estimate"], line + lift, "o", color=colour, markersize=5)
axes.axvline(0, color="black", linewidth=0.8)
axes.set_yticks(range(len(placebo)), placebo.index)
axes.set_ylim(-0.5, len(placebo) - 0.1)
axes.text(after["estimate"].iloc[-1], len(placebo) - 0.65, "the same quarter", color=BLUE, ha="center")
axes.text(placebo["estimate"].iloc[-1], len(placebo) - 0.65, "the quarter before", color=ORANGE, ha="center")
axes.set_xlabel("Difference in progression, sd per quarter (lines: 95 %)")
axes.set_title("Interventions without effect, world RTM (synthetic)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# Those about to get an intervention had just fallen. That is why they got it, and why they rise.
#
# *Can the data tell?* Partly. The placebo shows that something is wrong; it does not say how much of the gradient is left.
# That classes are given in a low as deep as in this world is an assumption, and a strong one.
#
# ## 4. Forecast or cause
#
# *Does belief bring jobs, or does it foresee them?* In E2 it brings them. In F it changes nothing: the caseworker sees
# something in the client that the questionnaire does not ask and believes accordingly, and a hopeful caseworker's style
# helps by other ways.

# %%
rows = {}
for name in ("E2", "F"):
    study = bip.simulate(worlds[name], rng=1)
    fit = bip.cox(MODEL, bip.spells(study), vcov=BY_CASEWORKER)
    raised = bip.true_effect(worlds[name], do={"belief": 1}, worlds=4, rng=1).set_index("scale")["value"]
    rows[name] = {
        **fit.tidy(exponentiate=True).set_index("term").loc[BELIEF, ["estimate", "conf_low", "conf_high"]],
        "truth: raise belief, hazard ratio": raised["hazard ratio"],
        "truth: raise belief, points more in a year": 100 * raised["risk difference, 52 weeks"],
    }
pd.DataFrame(rows).T.astype(float).round(2)

# %% [markdown]
# (Points: percentage points of all clients.) Two intervals that overlap almost wholly, two opposite truths. `do=` is the experiment that nobody can make: the same clients and
# the same luck, with every belief one step higher.

# %%
figure, panels = plt.subplots(1, 2, figsize=(7.5, 3.2), sharey=True, layout="constrained")
for axes, name in zip(panels, ("E2", "F")):
    for do, colour, style, label in (({}, "#bbbbbb", "-", "as it was"), ({"belief": 1}, BLUE, "--", "belief raised")):
        twin = bip.landmarks(bip.simulate(worlds[name], rng=1, do=do or None), at="first", horizon=104)
        curve = bip.cumulative_incidence(twin, start=None, stop="weeks", exit="exit").table.query("exit == 'job'")
        axes.step(curve["time"], 100 * curve["estimate"], where="post", color=colour, linestyle=style, linewidth=4 if not do else 1.6, label=label)
    axes.set_title(f"{name}: belief is a {'cause' if name == 'E2' else 'forecast'}", loc="left", fontsize=10)
    axes.set_xlabel("Weeks since the first answer")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("Have begun a job, %")
panels[0].legend(frameon=False);

# %% [markdown]
# In the right panel the two curves are one. *Can the data tell?* No. No analysis of what is merely observed tells F from
# E2: the missing column is in nobody's file. Training a random half of the caseworkers to believe more would (exercise 4).
#
# ## 5. An effect out of noise
#
# *Hold everything equal, then: a hazard ratio above 1 must mean something?* Take E2 and set the effect of belief to
# zero. What the caseworker believes then follows the true prospects, which move jobs, and a private view, which does not.
# The model holds all other answers equal.
#
# The answers are noisy. One study of 4,000 is too small for what follows, so we pool four of 10,000, and beside the
# usual model fit one that no study could: with the *true* prospects in the place of the answers.

# %%
powerless = worlds["E2"].replace({"hazard.belief": 0.0})
TRUE_PROSPECTS = f"{BELIEF} + prospects + background + C(jobcentre)"


def belief_slopes(truth, seed, clients=10_000):
    """Log hazard ratio of the answer on belief, and its error: given the other answers, given the true prospects."""
    study = bip.simulate(truth, clients=clients, rng=seed, latent=True)
    hidden = study.latent.rename(columns={"quarter": "period"})[["client", "period", "prospects", "background"]]
    quarters = bip.person_periods(bip.spells(study), width=13).merge(hidden, on=["client", "period"])
    fits = [bip.hazard(right, quarters, exposure="exposure") for right in (MODEL, TRUE_PROSPECTS)]
    return [(fit.params[BELIEF], fit.bse[BELIEF]) for fit in fits]


slopes = np.array([belief_slopes(powerless, seed) for seed in range(1, 5)])
mean, error = slopes[:, :, 0].mean(axis=0), np.sqrt((slopes[:, :, 1] ** 2).sum(axis=0)) / len(slopes)
pooled = pd.DataFrame(
    {"hazard ratio": np.exp(mean), "conf_low": np.exp(mean - 1.96 * error), "conf_high": np.exp(mean + 1.96 * error)},
    index=["other answers held equal", "true prospects held equal"],
)
warned = 1.11  # in the text of bip.caseworkers.belief
low, high = pooled.loc["other answers held equal", ["conf_low", "conf_high"]]
assert 1 < low < warned < high
pooled.assign(truth=1.0).round(3)

# %% [markdown]
# With the answers held equal, a belief that does nothing has a hazard ratio clearly above 1. (`bip.caseworkers.belief` warns of
# "about 1.11"; this is how that number arises, and the interval holds it.) With the true prospects held equal the interval holds 1. So the other answers do not hold prospects equal: each shows its
# true state with noise, and what they miss, the answer on belief still carries.
#
# Does noise then always exaggerate? No. Here are both kinds of noise, one at a time, in E2 with its true effect:

# %%
plain = worlds["E2"]
settings = {
    "as in E2": plain,
    "other answers nearly without noise": plain.replace({"answers.reliability": (0.97,) * 10}),
    "answer on belief nearly without noise": plain.replace({"belief.answer_noise": 0.05}),
}
noise = {name: np.exp(belief_slopes(truth, seed=1)[0][0]) for name, truth in settings.items()}
noise["truth, one step of belief itself"] = float(np.exp(plain.hazard.belief))
pd.Series(noise, name="hazard ratio of belief").round(2).to_frame()

# %% [markdown]
# Noise in the other answers pushes the ratio up, noise in the answer on belief pulls it down. Which of the two wins depends on how
# reliable the questions are, and for BIP nobody has published that. So even the *direction* in which a published 1.33 errs is open.
#
# *Can the data tell?* Not one rating per question. Two caseworkers on the same client, or the same one twice within a week, could.
#
# ## What may be concluded
#
# | trap | seen in one study? | by what |
# |---|---|---|
# | immortal time | yes | covariates that use only what is known by then |
# | winner's curse | yes | other clients than those who made the winner |
# | regression to the mean | partly | a placebo on the quarter before |
# | forecast or cause | no | an experiment that moves belief |
# | noise in the answers | no | a second, independent rating |
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint. Each takes some ten
# lines.

# %%
from exercise import check

# %% [markdown]
# **1. How much immortality?** Of the time at risk of clients who ever change caseworker (`spells` of section 1), which share lies before
# the change?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
length = spells["stop"] - spells["start"]
changers = spells["ever"] == 1
immortal = float(length[changers & (spells["switched"] == 0)].sum() / length[changers].sum())
assert not spells.loc[changers & (spells["switched"] == 0), "event"].any()  # hence the name
check(
    answer,
    immortal,
    mistakes={
        "That is the share after the change.": 1 - immortal,
        "That counts rows; they are of unequal length.": float((spells.loc[changers, "switched"] == 0).mean()),
        "As a share, not in per cent.": 100 * immortal,
        "That is of everybody's time; divide by the time of those who change.": float(
            length[changers & (spells["switched"] == 0)].sum() / length.sum()
        ),
    },
    hint="Sum stop - start over the rows with ever == 1, apart for switched == 0, and divide.",
)

# %% [markdown]
# **2. Significant, therefore exaggerated.** Simulate E2 with 300 clients and the seeds 1 to 20, and fit a Cox model of
# `bip.formula("indicators")` on each. By which factor is the mean coefficient of `caseworker_belief` (log hazard) in the studies in which it
# is significant at 5 % larger than the mean over all twenty?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
small = []
for seed in range(1, 21):
    fit = bip.cox(bip.formula("indicators"), bip.spells(bip.simulate(clients=300, rng=seed)))
    small.append((fit.params[BELIEF], fit.pvalues[BELIEF]))
small = pd.DataFrame(small, columns=["estimate", "p"])
lucky = small.loc[small["p"] < 0.05, "estimate"]
assert 0 < len(lucky) < 20
exaggeration = float(lucky.mean() / small["estimate"].mean())
assert exaggeration > 1
print(f"{len(lucky)} of 20 are significant.")
check(
    answer,
    exaggeration,
    mistakes={
        "The other way round.": 1 / exaggeration,
        "Coefficients, not hazard ratios.": float(np.exp(lucky).mean() / np.exp(small["estimate"]).mean()),
        "Compare with all twenty, not with the others.": float(
            lucky.mean() / small.loc[small["p"] >= 0.05, "estimate"].mean()
        ),
    },
    hint="Collect fit.params and fit.pvalues of the twenty, and divide two means.",
)

# %% [markdown]
# **3. The lowest tenth.** No intervention is needed for regression to the mean. In world RTM take the mean of the clients' own answers
# (columns of `bip.transitions(rtm)` that end in `_client`, without `change_`), keep every client's first row, and among them the rows up to the 10th percentile.
# By how many steps does their mean answer rise until the next measurement *more* than that of all first rows?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pairs = bip.transitions(rtm).drop_duplicates("client")
own = [name for name in pairs.columns if name.endswith("_client") and not name.startswith("change_")]
before = pairs[own].astype(float).mean(axis=1)
rise = pairs[[f"change_{name}" for name in own]].astype(float).mean(axis=1)
lowest = before <= before.quantile(0.1)
extra = float(rise[lowest].mean() - rise.mean())
assert extra > 0
check(
    answer,
    extra,
    mistakes={
        "Take away the mean rise of all.": float(rise[lowest].mean()),
        "That is the highest tenth.": float(rise[before >= before.quantile(0.9)].mean() - rise.mean()),
        "More than all, not more than the rest.": float(rise[lowest].mean() - rise[~lowest].mean()),
    },
    hint="drop_duplicates('client') keeps first rows; `change_` columns hold the change to the next measurement.",
)

# %% [markdown]
# **4. An experiment.** `training_E2` and `training_F` are the worlds E2 and F with a training that lets a random half of the
# caseworkers believe one step more in every client (`clients["trained"]`). Simulate both with 12,000 clients and the seed 1. By how many percentage
# points does the share with an entry (`event` in `bip.spells`) differ between the arms in training_E2, less the same difference in training_F?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
gap, error = {}, {}
for name in ("training_E2", "training_F"):
    trial = bip.simulate(worlds[name], clients=12_000, rng=1)
    events = bip.spells(trial).groupby("client")["event"].max()
    arm = trial.clients.set_index("client")["trained"].reindex(events.index).astype(bool)
    team = trial.assignments.drop_duplicates("client").set_index("client")["caseworker"].reindex(events.index)
    gap[name] = 100 * float(events[arm].mean() - events[~arm].mean())
    arms = pd.DataFrame({"event": events, "trained": arm.astype(int), "caseworker": team}).astype({"event": float})
    error[name] = 100 * bip.ols("event ~ trained", arms, vcov=BY_CASEWORKER).bse["trained"]
for name in gap:
    print(f"{name}: {gap[name]:+.1f} percentage points, error {error[name]:.1f}")
check(
    answer,
    gap["training_E2"] - gap["training_F"],
    mistakes={
        "In percentage points: multiply by 100.": (gap["training_E2"] - gap["training_F"]) / 100,
        "That is E2 alone.": gap["training_E2"],
        "The other way round.": gap["training_F"] - gap["training_E2"],
    },
    hint="Largest `event` of each client, mean by arm; trained less untrained, in both worlds.",
    within=0.02,
)
# Both trials have the same clients and the same luck. A single real trial knows its difference to about twice the error.

# %% [markdown]
# **5. What would better questions do?** Take the world `powerless` of section 5 with the `answers.reliability` of all ten other questions at 0.97, one
# study of 10,000 clients, seed 1. How much nearer to zero is the log hazard ratio of belief, other answers held equal, than at the
# reliabilities of E2 (same seed)? Give the difference.

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
better = powerless.replace({"answers.reliability": (0.97,) * 10})
noisy, clean = slopes[0, 0, 0], belief_slopes(better, seed=1)[0][0]
assert abs(clean) < abs(noisy)
check(
    answer,
    float(abs(noisy) - abs(clean)),
    mistakes={
        "Of the logarithms, not of the ratios.": float(np.exp(noisy) - np.exp(clean)),
        "That is what is left, not what has gone.": float(clean),
        "The other way round.": float(abs(clean) - abs(noisy)),
    },
    hint="powerless.replace({'answers.reliability': (0.97,) * 10}), then belief_slopes of both with seed=1.",
    within=0.02,
)
