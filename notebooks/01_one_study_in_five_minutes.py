# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What leads to a job, and how would we know?
#
# BIP followed about 4,000 recipients of social assistance in ten Danish job centres. About every third month clients
# and caseworkers answered short questionnaires; weekly registers say who found a job. One published figure is that a
# client's chance of a job or education rises by 33 % when the caseworker's belief in it rises by one step.
#
# **This notebook uses a synthetic study.** Every person in it is invented. What the models below give are estimates of
# what was put into the simulation, not results of BIP. In return we know the truth and can see how near we come.
#
# It runs in less than a minute. Three exercises stand at the end.

# %%
import numpy as np

import bipstats as bip

study = bip.load_synthetic()
study

# %% [markdown]
# ## 1. Look at it first
#
# Five tables: clients, questionnaires, assignments to caseworkers, interventions, and a weekly register.

# %%
study.describe()

# %% [markdown]
# The codebook says what each question is, and how sure we are of that. *Published* means that a source prints it;
# *assumed* means that this project had to choose.

# %%
bip.codebook.indicators()[["key", "label", "asked_client", "asked_caseworker", "status"]]

# %% [markdown]
# How do caseworkers answer the question whether the client will get a job?

# %%
by_caseworkers = study.responses[study.responses["respondent"] == "caseworker"]
by_caseworkers["caseworker_belief"].value_counts(normalize=True).sort_index().round(3)

# %% [markdown]
# ## 2. Time at risk
#
# A client is *at risk* of entering a job from the first answer until entry, another exit (such as disability pension)
# or the end of the data. `spells` cuts this time into rows `(start, stop]`, in weeks since enrolment, in which nothing
# changes. An answer given in week 13 governs week 14 and later, never week 13 itself: a cause comes before its effect.

# %%
spells = bip.spells(study)
one = spells[spells["client"] == spells["client"].iloc[0]]
one[["start", "stop", "event", "exit", "caseworker_belief", "health_coping", "intervention_class"]]

# %% [markdown]
# An entry here is the first of four weeks in a row in job or education. Where does everybody end?

# %%
spells["exit"].value_counts()[lambda n: n.index != "censored"]

# %% [markdown]
# Entries are fewer than in the register, because an entry counts only while an answer is in force, and answers hold for
# 52 weeks at most. Nothing is left out silently:

# %%
flow = spells.attrs["flow"]
{key: flow[key] for key in ("clients", "events_in_register", "events_without_usable_answer", "events")}

# %% [markdown]
# ## 3. One figure
#
# Of clients with the same first answer of their caseworker, how many are in a job or education within a year? Raw
# shares: nothing else is held equal.

# %%
first = bip.landmarks(study, at="first", horizon=52)
by_belief = first.groupby("caseworker_belief")["entered"].agg(["mean", "sem", "size"]).astype(float)

axes = by_belief["mean"].mul(100).plot.bar(yerr=by_belief["sem"].mul(196), rot=0, color="#0b6aa8", figsize=(7, 3.5))
axes.set_xlabel("Caseworker's first answer: will the client get a job? (5: highest)")
axes.set_ylabel("In job or education within 52 weeks, %")
axes.set_title("Synthetic study; bars: 95 % intervals", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# A steep slope. But clients in whom caseworkers believe are also healthier, search more and have worked more recently.
#
# ## 4. Hold other things equal
#
# A Cox model of entry on all eleven answers, background and job centre. Clients of one caseworker have something in
# common that the model does not know, so the errors are clustered by caseworker.

# %%
formula = bip.formula("indicators", "background", "jobcentre")
cox = bip.cox(formula, spells, vcov=bip.cluster("caseworker"))
cox.tidy(exponentiate=True).set_index("term").loc[list(bip.codebook.INDICATORS)].round(3)

# %% [markdown]
# `estimate` is a hazard ratio: the chance of entry *in the coming week*, for those still there, one step up against one
# step down. The same question by a discrete-time hazard, in quarters instead of weeks, should give nearly the same
# numbers; if it did not, something would be wrong with one of them.

# %%
quarters = bip.person_periods(spells, width=13)
hazard = bip.hazard(formula, quarters, exposure="exposure", vcov=bip.cluster("caseworker"))

side_by_side = cox.tidy(exponentiate=True).merge(
    hazard.tidy(exponentiate=True), on="term", suffixes=("_cox", "_hazard")
)
side_by_side.set_index("term").loc[list(bip.codebook.INDICATORS), ["estimate_cox", "estimate_hazard"]].round(3)

# %% [markdown]
# ## 5. From ratios to people
#
# How many more would enter within a year if belief were one step higher for everyone? A hazard ratio does not say, and
# people leave in other ways too. `risk` starts at the first measurement, keeps the answers as they are there, and uses
# the hazards of all ways out.

# %%
others = ("education", "pension", "death", "emigration", "other")
formulas = {"job": formula} | dict.fromkeys(others, "caseworker_belief + age + mental_diagnosis")
fits = {
    way: bip.cox(right, first, start=None, stop="weeks", event=f"exit == {way}")
    for way, right in formulas.items()
}
risk = bip.risk(fits, first, horizon=52, at={"caseworker_belief": "+1"})
risk.table[risk.table["exit"].isin(["job", "education"])].round(4)

# %% [markdown]
# "If belief were one step higher" is a strong phrase. The number compares clients whose answers differ by one step and
# are equal otherwise. It is what *raising* belief would do only if the caseworker knows nothing else that matters for
# the job. In a real study nobody can check that. Here the truth is on file:

# %%
study.truth.set_index("quantity").loc["belief_effect", ["scale", "value", "how"]]

# %% [markdown]
# The truth is about belief itself; the model sees an answer in five steps, given with error, and so do the other ten
# answers. Error in an answer pulls its own slope towards zero and lets it leak into those of its neighbours.
#
# ## 6. The ledger
#
# `replicate` puts each published figure beside an estimate by a stated analysis, with a verdict. On this study some of
# the verdicts begin with `calibrated:`. The simulation was tuned to these figures, so that agreement is by construction: it
# tests the software, and says nothing about BIP.

# %%
ledger = bip.replicate(study, progress=False)
ledger.table[["id", "published", "estimate", "scale", "verdict"]].head(12).round(3)

# %%
ledger.plot();

# %% [markdown]
# `ledger.to_html("report.html")` writes the page with all of it: what the sources say in their own words, which definition is
# used, and which others would have been as good.
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint.

# %%
from exercise import check

# %% [markdown]
# **1. Weeks in a row.** An entry here takes four weeks in a row. How many entries does the register have if one week is enough
# (`sustained_weeks=1`)? Which way must the number go, and why?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# A longer run is harder to complete: every run of 26 weeks holds one of 4, and that one of 1. (A run out of the study
# by other ways, such as flexjob, gets shorter too and may come first; here that matters less.)
entries = {k: bip.spells(study, sustained_weeks=k).attrs["flow"]["events_in_register"] for k in (1, 4, 26)}
assert entries[1] >= entries[4] == flow["events_in_register"] >= entries[26] > 0
check(
    answer,
    entries[1],
    mistakes={
        "That is with four weeks in a row.": entries[4],
        "That is with twenty-six weeks in a row.": entries[26],
    },
    hint="bip.spells(study, sustained_weeks=1).attrs['flow']['events_in_register'].",
    within=0,
)

# %% [markdown]
# **2. What is held equal.** Fit the Cox model with `caseworker_belief` as the only covariate. What is its hazard ratio? Is it larger
# or smaller than the one above, and what does that say?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Alone, belief also stands for the health, search and history that go with it.
alone = bip.cox("caseworker_belief", spells, vcov=bip.cluster("caseworker"))
assert alone.params["caseworker_belief"] > cox.params["caseworker_belief"] > 0
check(
    answer,
    np.exp(alone.params["caseworker_belief"]),
    mistakes={
        "That is the logarithm; take exp of it.": alone.params["caseworker_belief"],
        "That is with the other answers and the background held equal.": np.exp(cox.params["caseworker_belief"]),
    },
    hint="bip.cox('caseworker_belief', spells, vcov=bip.cluster('caseworker')).tidy(exponentiate=True).",
)

# %% [markdown]
# **3. A world in which belief does nothing.** `bip.scenarios()["F"]` is a world in which belief is only a forecast. Simulate
# 1,000 clients from it (`bip.simulate(..., clients=1000, rng=1)`). What is the true log hazard ratio of a step of belief there
# (the study's `truth` has it)? Fit the same model: what does it say?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The model still sees a slope, since the caseworker's forecast rests on more than the questionnaire asks. No regression
# on these columns can tell the two worlds apart.
forecast = bip.simulate(bip.scenarios()["F"], clients=1000, rng=1)
true = forecast.truth.set_index(["quantity", "scale"])["value"]
seen = bip.cox(bip.formula("indicators", "background"), bip.spells(forecast), vcov=bip.cluster("caseworker"))
low, high = seen.conf_int().loc["caseworker_belief"]
print(f"The model's interval of the log hazard ratio: {low:.2f} to {high:.2f}.")
check(
    answer,
    float(true["belief_effect", "log hazard"]),
    mistakes={
        "That is what the model says; the truth is on file.": seen.params["caseworker_belief"],
        "That is the ratio; its logarithm is asked for.": 1.0,
    },
    hint="forecast.truth has a row with quantity 'belief_effect' and scale 'log hazard'.",
)
