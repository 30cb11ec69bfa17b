# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What is the caseworker worth?
#
# The figures of BIP that travelled farthest are about caseworkers. *Published*: one step more belief in the client goes
# with 33 % more chance of a job or education; a caseworker of high job orientation with 32 % more; a change of
# caseworker with 22 % less. And a thought experiment: 14.76 % of the clients got a job; 28.45 % would, if all caseworkers were "effective".
#
# Which of these could be the work of caseworkers, which a forecast, and which plain noise?
#
# **All persons here are synthetic**, and no coefficient is an estimate of BIP. Some pictures show the study that comes
# with the library, which was *chosen* as the nearest of 100 to the published figures; where chance matters, studies of
# seeds 1 to 5 are used, which nobody chose. Runs in less than a minute; three exercises.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bipstats as bip

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"

study = bip.load_synthetic()
worlds = bip.scenarios()
pd.Series({name: worlds[name].statement for name in ("E2", "N2", "F", "S")}, name="what is true").to_frame().style

# %% [markdown]
# Four worlds with the same published figures. The study above is from E2. That belief is a cause there is a choice of
# its makers, not a finding.
#
# ## 1. Belief in this client

# %%
belief = bip.caseworkers.belief(study)
axes = belief.plot()
axes.figure.suptitle("First answer on belief and entry within a year (synthetic; 95 %)", x=0.01, ha="left", fontsize=10);

# %% [markdown]
# Dots are observed shares; dashes are the shares expected from *everything but* the answer on belief. The dashes climb
# almost as steeply. Most of the slope is in what else is known of the clients.

# %%
belief.table[["term", "scale", "estimate", "conf_low", "conf_high", "entries"]].round(3)

# %% [markdown]
# *Assumption, if read as an effect: nothing that the caseworker knows and the other answers do not say matters for the job.* Caseworkers
# talk with their clients; it would be odd if they knew nothing more. Here are the same numbers in three worlds, with 6,000 clients
# each and the truth beside them.

# %%
rows, moved = [], {}
for name in ("E2", "F", "S"):
    other = bip.simulate(worlds[name], clients=6_000, rng=1)
    there = bip.caseworkers.belief(other)
    estimate = there.table.iloc[0]
    true = other.truth.set_index(["quantity", "scale"])["value"]["belief_effect", "hazard ratio"]
    rows.append((name, true, estimate["estimate"], estimate["conf_low"], estimate["conf_high"]))
    moved[name] = there.switches.set_index("term")
pd.DataFrame(rows, columns=["world", "true hazard ratio", "estimate", "conf_low", "conf_high"]).round(2)

# %% [markdown]
# In F and S the true effect is none, and the estimate is about the same. No regression on these columns tells a cause from a forecast.
#
# A change of caseworker tells a little. In S promising clients are sorted to optimistic caseworkers; so after a change the *former*
# one's orientation still foretells the job, which it cannot cause any more.

# %%
terms = ["new caseworker's orientation", "former caseworker's orientation"]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for line, name in enumerate(["S", "F", "E2"]):
    for term, colour, lift in zip(terms, (BLUE, ORANGE), (0.15, -0.15)):
        row = moved[name].loc[term]
        axes.plot([row["conf_low"], row["conf_high"]], [line + lift] * 2, color=colour)
        axes.plot(row["estimate"], line + lift, "o", color=colour)
axes.axvline(1, color="black", linewidth=0.8)
axes.set_yticks(range(3), ["S: sorting", "F: forecast", "E2: cause"])
axes.set_ylim(-0.5, 2.7)
for term, colour in zip(terms, (BLUE, ORANGE)):
    axes.plot([], [], "o-", color=colour, label=term.replace("'s orientation", ""))
axes.legend(frameon=False, loc="lower right")
axes.set_xlabel("Hazard ratio of entry after a change, one unit of orientation")
axes.set_title("Whose optimism foretells the job? (synthetic; 6,000 clients; lines: 95 %)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# In E2 and F the *new* caseworker's orientation foretells the job, in S the *former* one's does. One study shows it only
# roughly: the intervals are wide, and with other seeds E2 and F can look like anything between. In F optimistic caseworkers do
# bring jobs, by a way of working that goes with optimism, and not by believing. So E2 and F look alike here too, and always will.
#
# ## 2. Orientation: belief in *other* clients
#
# A caseworker's answers about this client mix the client's prospects with the caseworker's habit. Leave this client out, take
# only earlier answers about others, net of who those others were, and the habit remains: *job orientation*.

# %%
orientation = bip.caseworkers.orientation(study)
axes = orientation.plot()
axes.figure.suptitle("Some caseworkers believe more, whoever the client is (synthetic)", x=0.01, ha="left", fontsize=10)
orientation.spread.round(2)

# %%
effect = bip.caseworkers.orientation_effect(study, draws=100, rng=1, progress=False)
ratios = effect.table[effect.table["quantity"].eq("hazard ratio")]
ratios[["netting", "outcome", "estimate", "conf_low", "conf_high", "entries"]].round(2)

# %% [markdown]
# The two nettings give different numbers. Which of them BIP used, or whether it used either, the sources do not say.
#
# *Assumption: within a job centre, clients come to caseworkers irrespective of prospects that no answer shows.*
# What can be checked is whether the clients' measured characteristics differ between high and low orientation:

# %%
balance = dict(effect.joint_p)
pd.Series(
    {f"p of balance, net of {name}": p for name, p in balance.items()}
    | {f"true sorting on hidden prospects, world {name}": worlds[name].belief.private_sorting for name in ("E2", "S")}
).round(2)

# %% [markdown]
# A large p-value means no sign of sorting on what is measured, a small one that something is not in balance or that chance made it
# look so. Neither speaks of sorting on what no answer shows. The last rows say how much of that there is, as the correlation of a
# hidden part of the prospects with the caseworker's orientation: none in the world of this study, much in S. In real data nobody can look it up.
#
# ## 3. How much do caseworkers differ?
#
# Now leave belief aside. Count for each caseworker how many clients entered. Two studies that nobody chose: seed 1 of E2,
# where caseworkers differ much, and seed 1 of N2, where they hardly differ.

# %%
pair = {name: bip.simulate(worlds[name], rng=1) for name in ("E2", "N2")}
added = {name: bip.caseworkers.value_added(one, draws=100, rng=1, progress=False) for name, one in pair.items()}

TOP = 100 * max(result.table["raw"].quantile(0.99) for result in added.values())  # few clients make a few very high rates

figure, sides = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
for axes, (name, result) in zip(sides, added.items()):
    ranked = result.table.dropna(subset=["rank"]).sort_values("raw").reset_index(drop=True)
    axes.plot(ranked.index, 100 * ranked["raw"], ".", color=GREY, markersize=4, label="raw")
    axes.plot(ranked.index, 100 * ranked["shrunken"], ".", color=BLUE, markersize=4, label="adjusted and shrunken: net of noise")
    axes.axhline(100 * result.rate, color="black", linewidth=0.8, label="all clients")
    high = ranked[100 * ranked["raw"] > TOP]
    axes.plot(high.index, [0.98 * TOP] * len(high), "^", color=GREY, markersize=5, label="raw, above the picture")
    axes.set_ylim(0, TOP)
    axes.set_xlabel("Caseworkers, by raw rate")
    axes.set_title(f"{name}: {'caseworkers differ' if name == 'E2' else 'caseworkers hardly differ'}", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
sides[0].set_ylabel("Entries per 100 client-years")
sides[0].legend(frameon=False, loc="upper left");

# %% [markdown]
# The grey dots of the two worlds can hardly be told apart: from nothing to a great deal. A caseworker has few entries in all,
# and a small number is mostly luck. Shrinkage pulls every rate towards the mean by as much as is noise. In N2 hardly anything remains, and that is
# the truth there.

# %%
pd.concat({name: result.sd.set_index("method")[["sd", "conf_low", "conf_high"]] for name, result in added.items()}, axis=1).round(2)

# %% [markdown]
# The spread of the log hazard, net of noise, by four methods. (True: see `caseworker_total_sd` in `study.truth`.) One study of 4,000 clients
# tells these worlds apart, but only by a statistic that was made for it.

# %%
pd.DataFrame(
    {
        name: {
            "true sd of the log hazard": one.truth.set_index("quantity").loc["caseworker_total_sd", "value"],
            "share of the adjusted rates' variance that is no noise": added[name].reliability,
            "ranks that the middle caseworker may have": int(
                (added[name].table["rank_high"] - added[name].table["rank_low"] + 1).median()
            ),
            "caseworkers ranked": int(added[name].table["rank"].notna().sum()),
        }
        for name, one in pair.items()
    }
).round(2)

# %% [markdown]
# Even where caseworkers differ, hardly any single one can be ranked.
#
# ## 4. The winner's curse
#
# Pick the quarter of caseworkers with the highest share among *half* of their clients. Then look at the other half.
# If the picked ones are good, they stay good. If they were lucky, they do not.

# %%
def split_shares(one, seed):
    """Share in job or education of the picked quarter, in the half that picked them and in the other half."""
    clients = bip.spells(one).groupby("client").agg(caseworker=("caseworker", "first"), entered=("event", "max"))
    half = np.random.default_rng(seed).integers(0, 2, len(clients))
    by_half = clients.groupby(["caseworker", half])["entered"].agg(["mean", "size"]).unstack()
    by_half = by_half[(by_half["size"] >= 3).all(axis=1)]["mean"].astype(float)
    picked = by_half.nlargest(len(by_half) // 4, 0)
    return 100 * picked[0].mean(), 100 * picked[1].mean(), 100 * clients["entered"].mean()


halves = pd.DataFrame(
    {
        (name, seed): split_shares(bip.simulate(worlds[name], rng=seed), seed)
        for name in ("E2", "N2")
        for seed in range(1, 6)
    },
    index=["the half that picked them", "the other half", "all clients"],
).T

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for shift, (name, colour) in enumerate((("E2", ORANGE), ("N2", BLUE))):
    for _, row in halves.loc[name].iterrows():
        axes.plot([0, 1], row.iloc[:2], "o-", color=colour, alpha=0.6, markersize=4)
    axes.text(1.04, 24 - 3 * shift, f"world {name}", color=colour, va="center")
axes.axhline(halves["all clients"].mean(), color="black", linewidth=0.8)
axes.text(0.02, halves["all clients"].mean() - 0.6, "all clients", va="top", fontsize=9)
axes.set_xticks([0, 1], ["in the half that picked them", "in the other half"])
axes.set_xlim(-0.15, 1.25)
axes.set_ylim(0, None)
axes.set_ylabel("Job or education, %")
axes.set_title("The best quarter of caseworkers, and the same people again (seeds 1 to 5)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# On the left the worlds look the same: that end is what a raw league table shows. On the right both fall almost back to
# the mean of all, even E2, where caseworkers do differ: a pick by the raw share of few clients picks luck first.
#
# ## 5. What if all were as good as the best?
#
# `counterfactual` does the thought experiment twice: *naive*, with raw shares, and *feasible*, with caseworkers
# picked on some clients and read on others. On simulated studies a third number is known: the truth.

# %%
thought = {name: bip.caseworkers.counterfactual(one, draws=100, rng=1, progress=False) for name, one in pair.items()}
figure, sides = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
for axes, (name, result) in zip(sides, thought.items()):
    result.plot(ax=axes)
    axes.set_title(f"World {name}, seed 1 (95 %)", loc="left", fontsize=10)
    axes.get_legend().remove()  # one is enough for both
sides[0].set_ylim(0, None)
sides[1].set_ylabel("")
figure.legend(*sides[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False);

# %%
pd.concat({name: result.table.iloc[:, :8] for name, result in thought.items()}).round(3)

# %% [markdown]
# *Assumptions of the feasible number: clients of a job centre are alike between caseworkers given what is measured,
# and what good caseworkers do can be copied.* Capacity is left out: good caseworkers have so many hours, and the
# jobs their clients get are taken.
#
# *Feasible* finds more than the picture of section 4. Its picks rest on nine tenths of the clients instead of a half, and on shrunken rates
# that hold answers equal, so a few lucky entries count for less. And it lets every client have such a caseworker from the start to the end,
# while above many changed to another.
#
# The naive numbers are nearly the same in *both* worlds. The truth, which is known for the top decile, is not: in
# E2 much of the naive gain there is real, in N2 most of it is luck. By construction, the truth of E2 lies at the
# published 28.45 %: its caseworkers were made to differ by so much. The naive number for the top *quarter* comes
# near to 28.45 % as well, and it does so where caseworkers hardly differ. How BIP defined "effective" is not
# published, so this does not show that its figure was naive. It shows that the figure alone does not decide.
#
# ## 6. A change of caseworker

# %%
change = bip.caseworkers.switch_effect(study)
axes = change.plot()
truth = study.truth.set_index(["quantity", "scale"])["value"]
start, half_life = truth["switch_effect", "log hazard"], truth["switch_effect_half_life", "quarters"]
quarters = np.arange(0, 10.5, 0.25)
axes.step(quarters, np.exp(start * 2 ** (-np.floor(quarters) / half_life)), where="post", color=GREEN, linewidth=1.5)
axes.annotate("truth", (9.4, 0.97), xytext=(0, -13), textcoords="offset points", color=GREEN)
axes.figure.suptitle("Before and after a change of caseworker (synthetic; 95 %)", x=0.01, ha="left", fontsize=10);

# %%
parts = change.table.set_index("term")
parts.loc[
    ["after a first change", "after the caseworker left", "after an individual change", "ever against never, from the start"],
    ["estimate", "conf_low", "conf_high", "entries"],
].round(2)

# %% [markdown]
# *Assumption: clients alike in answers, background, centre and time are alike in what else moves their chances,
# changed or not.* It is most credible where the caseworker *left* and the whole caseload moved. Before a departure
# nothing has happened yet, so the left side of the picture should be flat, and it is, within wide intervals. The
# effect fades, so a single ratio is an average over whatever time was watched.
#
# The last row is a mistake that looks like a finding: clients who *ever* change had to stay without a job until then (notebook 05).
#
# ## What may be concluded
#
# | claim | from such data alone? |
# |---|---|
# | belief *foretells* jobs | yes |
# | belief *makes* jobs | no: worlds E2 and F agree in everything measured |
# | optimistic caseworkers *bring* jobs | only without hidden sorting; changes of caseworker test that, with many clients |
# | caseworkers differ | yes, if the spread is taken net of noise |
# | this caseworker is the best | no |
# | all could reach the level of the best | an upper end, and only from feasible numbers |
# | a change of caseworker harms | departures of caseworkers speak to it |
#
# What would settle belief is an experiment: train a random half of the caseworkers (`bip.scenarios()["training_E2"]`).
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint.

# %%
from exercise import check

# %% [markdown]
# **1. Coins.** Let 300 caseworkers have 13 clients each, and let *every* client have the same chance of 14.76 %. What is, on average, the
# mean share of the top quarter of caseworkers by raw share? (Draw it with `numpy`.)

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
raw_shares = np.random.default_rng(0).binomial(13, 0.1476, size=(2_000, 300)) / 13
top_quarter = float(np.sort(raw_shares, axis=1)[:, -75:].mean())
assert top_quarter > 1.7 * 0.1476
check(
    answer,
    top_quarter,
    mistakes={
        "That is everybody's chance. Sort the caseworkers and keep the best 75.": 0.1476,
        "That is the top decile; the question asks for the top quarter.": float(np.sort(raw_shares, axis=1)[:, -30:].mean()),
    },
    hint="binomial(13, 0.1476, 300) / 13, sort, mean of the last 75; repeat many times. As a share, not in per cent.",
    within=0.03,
)
# Compare it with 28.45 %. Noise alone suffices; it does not follow that noise is all there is.

# %% [markdown]
# **2. A year later.** By the truth of this study, what is the hazard ratio four quarters after a change of caseworker?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
check(
    answer,
    float(np.exp(start * 2 ** (-4 / half_life))),
    mistakes={
        "That is right after the change.": float(np.exp(start)),
        "That is the log hazard; take exp of it.": start * 2 ** (-4 / half_life),
        f"The effect halves every {half_life:g} quarters, not every quarter.": float(np.exp(start * 2**-4)),
    },
    hint="The log hazard is switch_effect times 2 to the power of minus (quarters / half-life).",
)

# %% [markdown]
# **3. Sorted.** Simulate world S (`bip.simulate(worlds["S"], rng=1)`) and estimate `orientation_effect` on it
# (`draws=50, rng=1`). What is the hazard ratio of job or education, net of background and answers, to three digits?
# The truth is 1.

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sorted_world = bip.simulate(worlds["S"], rng=1)
assert sorted_world.truth.set_index(["quantity", "scale"])["value"]["orientation_effect", "hazard ratio"] == 1
found = bip.caseworkers.orientation_effect(sorted_world, draws=50, rng=1, progress=False).table
found = found[found["quantity"].eq("hazard ratio")].set_index(["netting", "outcome"])["estimate"]
right = float(found["background and answers", "job_or_education"])
assert right > 1.1
check(
    answer,
    right,
    mistakes={
        "That is net of background alone.": float(found["background", "job_or_education"]),
        "That is for a job alone.": float(found["background and answers", "job"]),
        "That is the truth. What does the estimate say?": 1,
    },
    hint="Rows of .table with quantity 'hazard ratio', netting 'background and answers', outcome 'job_or_education'.",
    within=0.002,
)
