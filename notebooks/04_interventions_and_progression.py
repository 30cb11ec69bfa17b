# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do job-oriented interventions move people forward?
#
# *Published*, from BIP: in three months 23 % of the clients have no intervention, 34 % have only such as are not
# job-oriented, 24 % a job-oriented one alone, and 18 % a job-oriented one beside another. Those without decline,
# job-oriented ones bring progression, parallel ones the most, and the others by themselves none. Of the progression the sources
# give signs and ranks; magnitudes are not published.
#
# Can a change of answers show what an intervention does?
#
# **All persons here are synthetic**, and no coefficient is an estimate of BIP. The study that comes with the
# library was *chosen* as the nearest of 100 simulated ones to the published figures. Runs in less than half a
# minute; four exercises.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bipstats as bip

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"

study = bip.load_synthetic()
listed = bip.codebook.interventions().groupby("type", sort=False)["label"]
listed.agg(number="size", interventions=", ".join).style

# %% [markdown]
# ## 1. Who gets what?
#
# Twenty-one interventions of four types make four classes: none, other only, job only, job + other. The sources do not say
# whether the published shares are of clients or of three-month periods, so both are counted.

# %%
counted = bip.interventions.shares(study)
axes = counted.plot()
axes.figure.suptitle("Classes of intervention in 13 weeks (synthetic)", x=0.01, ha="left", fontsize=10)
counted.table[["kind", "by_window", "by_client", "first_window", "not_risen"]].round(3)

# %% [markdown]
# The agreement with the published shares is by construction: the simulation was tuned to them.
#
# A slide adds the first two classes up: "57 % of the clients stand still or go backwards". That is a sum of
# classes. The last column counts what the sentence seems to say, those whose index did *not* rise. It is not far
# from a half in every class, because with noise in the answers about half do not rise where nothing changes.
#
# ## 2. What is a change?
#
# An answer from 1 to 5 is noisy. How many steps must one client rise before it is more than noise?

# %%
change = bip.progression.change(study, rater="client")
change.table[["item", "steps", "reliability", "improved", "improved_by_noise", "declined", "declined_by_noise"]].round(3)

# %% [markdown]
# One step on one item is not a reliable change, for any item. Means over many items and many clients are another matter: their noise
# averages out. From here on *progression* is the change per quarter of an index, the mean of nine items, in standard deviations.
#
# ## 3. Progression by class
#
# What is true here is known in standard deviations of readiness. The index holds noise and lasting traits besides,
# so such a step is a smaller part of *its* standard deviation. How much smaller can be seen by opening a simulation
# and looking at the readiness that no real study shows:

# %%
opened = bip.simulate(rng=1, latent=True)
first = bip.measurements(opened).query("measurement == 1")
first = first.merge(opened.latent.query("quarter == 0")[["client", "readiness"]], on="client")
seen = np.polyfit(first["readiness"].astype(float), bip.progression.readiness(opened).score(first).astype(float), 1)[0]

truth = study.truth[study.truth["scale"].eq("sd per quarter")].set_index("quantity")["value"]
pd.DataFrame({"in sd of readiness": truth, "in sd of the index": seen * truth}).round(3)

# %%
contrast = bip.interventions.contrast(study, rng=1)
axes = contrast.plot_means()
axes.figure.suptitle("Observed change per quarter (synthetic; green: the truth; 95 % together)", x=0.01, ha="left", fontsize=10)
for row, drift in enumerate(["none", "other_only", "job_only", "job_and_other"]):
    axes.plot(seen * truth[f"drift_{drift}"], axes.get_yticks()[row], "|", color=GREEN, markersize=18, markeredgewidth=2)
axes.figure.set_size_inches(8, 3.6)

# %% [markdown]
# The truth is what one quarter in the class does. The order is that of the published signs, by
# construction. "About zero" needs more than an interval that holds zero, it needs one that holds nothing *but* small
# values (the grey band). Here a *small* p-value says "about zero":

# %%
contrast.equivalence().tidy().round(3)

# %% [markdown]
# ## 4. Is it the intervention?
#
# Clients do not draw lots for interventions. Here is the difference from *none* by designs that err in different ways:

# %%
axes = contrast.plot()
axes.figure.suptitle("Difference from no intervention, by design (synthetic; 95 %)", x=0.01, ha="left", fontsize=10);

# %% [markdown]
# | design | assumes |
# |---|---|
# | observed means | clients of all classes would have changed alike |
# | level before, as measured; the three last | of clients with the same measured level (and background and centre), chance decides |
# | level before, noise taken out | of clients with the same *true* level, chance decides |
# | within clients, without it | what differs between clients lasts |
#
# They cannot all hold, so they are shown side by side and never put into one model. Do they differ more than chance
# makes one study differ from the next? Five studies that nobody chose:

# %%
KINDS = ["observed means", "level before, as measured", "level before, noise taken out", "within clients, without it"]


def five_studies(world):
    """Mean of each difference over the seeds 1 to 5, by design."""
    found = [bip.interventions.contrast(bip.simulate(world, rng=seed), rng=1) for seed in range(1, 6)]
    every = pd.concat(one.designs.set_index(["design", "term"])["estimate"] for one in found)
    return found, every.groupby(level=[0, 1]).agg(["mean", "sem"])


alike, usual = five_studies(bip.scenarios()["E2"])
TERMS = list(contrast.designs["term"].unique())
usual["mean"].unstack().loc[KINDS, TERMS].round(3)

# %% [markdown]
# Where the *measured* level is held equal, "other only" comes out too low and "job only" too high (picture below). In this world the lasting level
# decides who gets what: those nearer to a job get job-oriented interventions. Of two clients with the same measured level, the one in the
# job-oriented class is then likely to be better than measured, and is measured higher next time. Adjusting for a noisy level made it worse here.
#
# That would be easy to remember as "do not adjust", so here is the opposite.
#
# ## 5. A world in which interventions do nothing
#
# In world RTM no intervention has any effect, and clients come to them when they happen to be low.

# %%
without_effect, lows = five_studies(bip.scenarios()["RTM"])
nothing = without_effect[0]

figure, sides = plt.subplots(1, 2, figsize=(10, 4), sharex=True, sharey=True, layout="constrained")
truths = {"E2: effects are real": seen * truth, "RTM: no effect at all": 0 * truth}
for axes, (name, true), means in zip(sides, truths.items(), (usual, lows)):
    for line, term in enumerate(TERMS[::-1]):
        for number, (design, colour) in enumerate(zip(KINDS, (GREY, BLUE, GREEN, ORANGE))):
            own, place = means.loc[design, term], line + 0.18 * (1.5 - number)
            axes.hlines(place, own["mean"] - 1.96 * own["sem"], own["mean"] + 1.96 * own["sem"], color=colour)
            axes.plot(own["mean"], place, "o", color=colour, markersize=4, label=design if line == 0 else None)
        key = f"class_{term.split(' - ')[0].replace(' + ', '_and_').replace(' ', '_')}_effect"
        axes.vlines(true[key], line - 0.4, line + 0.4, color="black", linewidth=1.5, label="truth" if line == 0 else None)
    axes.set_yticks(range(len(TERMS)), TERMS[::-1])
    axes.set_title(name, loc="left", fontsize=10)
    axes.set_xlabel("Difference in change per quarter, sd")
    axes.spines[["top", "right"]].set_visible(False)
figure.legend(*sides[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
figure.suptitle("Means of five studies each (lines: 95 %, by the spread of the five)", x=0.01, ha="left", fontsize=10);

# %% [markdown]
# On the right every dot should lie on zero. Whoever comes in a low rises afterwards, with or without help: *regression to the mean*. Here holding
# the measured level equal takes much of it out, though not all, and is the best of the four; comparing clients with themselves is the
# worst. On the left it was the other way round. Which design is right depends on *why* clients get what they get: for a lasting level, or for a passing low.
# No design can say which it was, but caseworkers can be asked.
#
# The *placebo* gives a hint: the class of a quarter cannot have caused the change of the quarter before. One study of each world (seed 1):

# %%
pd.concat(
    {name: result.placebo.set_index("term")[["estimate", "conf_low", "conf_high"]] for name, result in {"E2": alike[0], "RTM": nothing}.items()},
    axis=1,
).round(3)

# %% [markdown]
# In RTM clients *fell* before they got an intervention. A placebo away from zero says that the classes were on different ways before anything
# was done. A placebo at zero does not prove that chance decided: classes may follow a lasting level, as in E2.
#
# ## 6. Who is still there, and who answers?
#
# Progression is seen in those who are measured again. Whoever found a job is not.

# %%
contrast.attrition.round(3)

# %%
composite = bip.interventions.contrast(study, "composite", rng=1)
composite.compare().tidy()[["term", "estimate", "conf_low", "conf_high"]].round(3)

# %% [markdown]
# The *composite* ranks entry above every change and weights for those not measured again; a difference is in the chance of doing better than a
# client drawn from all. *Assumption: of clients alike in what is measured, those who do not answer again are like those who do.* A second
# check: the caseworker knows which interventions the client has, and answers. By the items of one rater alone:

# %%
contrast.raters[["design", "term", "estimate", "conf_low", "conf_high"]].round(3)

# %% [markdown]
# ## 7. And the job?
#
# Progression is a means. Does beginning a first job-oriented intervention bring a job? Each week in which a client
# could begin is a small trial: those who begin against those who do not begin *now*, weighted alike.

# %%
start = bip.interventions.first_start_effect(study, draws=200, rng=1)
axes = start.plot()
axes.figure.suptitle("After a first job-oriented start (synthetic; 95 %)", x=0.01, ha="left", fontsize=10)
start.table[["weeks", "began", "without", "difference", "conf_low", "conf_high"]].round(4)

# %%
through = bip.interventions.through_progression(study, draws=100, rng=1, progress=False)
through.table.round(4)

# %% [markdown]
# The difference is small and its interval holds zero, although the effect on progression was clear. Progression adds up slowly: an intervention lasts
# a quarter or so, and jobs are few. In this world all of its effect goes through readiness.
#
# *Assumptions: that caseworkers know nothing more than the answers say of who is about to enter; for the split,
# that nothing unmeasured moves two of intervention, index and entry.* The second table is a split of a difference
# by a model, never "the part caused".
#
# ## What may be concluded
#
# | claim | from such data alone? |
# |---|---|
# | so many have no intervention | yes, once it is said of what the share is |
# | "57 % stand still or go backwards" | no: a sum of two classes, which says nothing of single clients |
# | this client has progressed, by one step on one item | no |
# | clients in the class progress *more* | yes, of those measured again |
# | the intervention *makes* them progress | only with knowledge of why clients get what they get; a placebo away from zero speaks against it |
# | parallel is better than job-oriented alone | only with an interval of that difference (exercise 2) |
# | interventions bring jobs | here too few entries to say |
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint.

# %%
from exercise import check

# %% [markdown]
# **1. Stand still or go back.** By `counted`, what share of the client-windows has no job-oriented intervention?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
kinds = counted.table.set_index("kind")
check(
    answer,
    float(kinds.loc["without job", "by_window"]),
    mistakes={
        "That is the class 'none'; 'other only' has none that is job-oriented either.": float(kinds.loc["none", "by_window"]),
        "That is the share whose index did not rise.": float(kinds.loc["without job", "not_risen"]),
    },
    hint="Add 'none' and 'other only' of by_window. As a share, not in per cent.",
    within=0.001,
)

# %% [markdown]
# **2. In parallel.** Adjusted (`contrast.compare()`), does the simultaneous 95 % interval of "job + other" less
# "job only" exclude zero? Answer "yes" or "no".

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pairs = contrast.compare().tidy().set_index("term")
parallel = pairs.loc["job + other - job only"]
excludes = parallel["conf_low"] > 0 or parallel["conf_high"] < 0
check(
    answer,
    "yes" if excludes else "no",
    hint="Look at conf_low and conf_high of the row 'job + other - job only'. The difference from 'none' is another row.",
)
# The truth is a difference. A rank can be right and still not be shown.

# %% [markdown]
# **3. Lows.** In `nothing` (world RTM, seed 1), by "within clients, without it", what is the difference of "job +
# other" from "none"? The truth is 0.

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
by_design = nothing.designs.set_index(["design", "term"])["estimate"]
wrong = float(by_design["within clients, without it", "job + other - none"])
assert wrong > float(by_design["level before, as measured", "job + other - none"])
check(
    answer,
    wrong,
    mistakes={
        "That is the truth. What does the design say?": 0,
        "That is with the level before held equal.": float(by_design["level before, as measured", "job + other - none"]),
        "That is the raw difference.": float(by_design["observed means", "job + other - none"]),
    },
    hint="A row of nothing.designs.",
)

# %% [markdown]
# **4. Noise alone.** Let 10,000 clients have a readiness that never changes, and an index that is readiness plus
# noise (both standard normal, the noise drawn anew each time). The 3,000 lowest at the first measurement get an
# intervention that does nothing. By how much does their mean index rise? (Draw it with `numpy`.)

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
generator = np.random.default_rng(0)
readiness = generator.normal(size=(200, 10_000))
before, after = readiness + generator.normal(size=readiness.shape), readiness + generator.normal(size=readiness.shape)
lowest = np.argsort(before, axis=1)[:, :3_000]
rise = float((np.take_along_axis(after, lowest, 1) - np.take_along_axis(before, lowest, 1)).mean())
assert rise > 0.5
check(
    answer,
    rise,
    mistakes={
        "In the right direction: after less before.": -rise,
        "That is everybody's rise. Keep the 3,000 lowest.": 0,
    },
    hint="after[lowest].mean() - before[lowest].mean(), with before = readiness + noise and after = readiness + new noise.",
    within=0.05,
)
