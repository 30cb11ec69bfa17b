# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which of the eleven answers goes with a job?
#
# BIP's core is eleven *indicators*: short questions on a client's way to a job, answered on scales of mostly five steps
# by client and caseworker about every third month. The sources say that nine of the eleven go with a job, and that the
# caseworker's belief is the most important of all. They print no table of coefficients.
#
# What would such a table show, and what could be read off it?
#
# **All persons here are synthetic.** The study that comes with the library is also *chosen*: of 100 simulated studies it
# lies nearest to the published figures (its data card says so). The coefficients below are estimates of what was put
# into a simulation. None is an estimate of BIP. Runs in half a minute; four exercises at the end.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bipstats as bip

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
INDICATORS = list(bip.codebook.INDICATORS)
NAMES = bip.codebook.indicators().set_index("key")["label"]

study = bip.load_synthetic()
bip.codebook.indicators()[["label", "asked_client", "asked_caseworker", "asked_status", "significant", "status"]]

# %% [markdown]
# `significant` is what the sources say in words. Which two questions are put to the caseworker alone, and what the
# eleventh indicator is, are this project's assumptions; the column `status` keeps them apart.
#
# ## 1. How the answers divide the clients
#
# First without any model. Clients are grouped by the caseworker's first answer to "will the client get a job?" and
# followed for a year. The curves are *cumulative incidences*: shares of all clients of the group who have begun a job.
# Those who left for a pension or died count as clients without a job, which is what they are.

# %%
first = bip.landmarks(study, at="first", horizon=52)
incidence = bip.cumulative_incidence(first, start=None, stop="weeks", exit="exit", by="caseworker_belief")
job = incidence.table[incidence.table["exit"] == "job"]

figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
shades = dict(zip(range(1, 6), ("#6b8fb3", "#4f8cc9", "#2171b5", "#08519c", ORANGE)))
for belief, curve in job.groupby("caseworker_belief"):
    axes.step(curve["time"], 100 * curve["estimate"], where="post", color=shades[belief], linewidth=2)
    axes.fill_between(
        curve["time"], 100 * curve["conf_low"], 100 * curve["conf_high"], step="post", color=shades[belief], alpha=0.12
    )
    clients = int((first["caseworker_belief"] == belief).sum())
    height = 100 * curve["estimate"].iloc[-1] + {1: 0.1, 2: 0.3, 3: 0.7}.get(belief, 0)  # labels must not touch
    axes.text(52.7, height, f"answer {belief}  ({clients:,})", va="center", color=shades[belief])
axes.set(xlim=(0, 64), ylim=(0, None), xticks=range(0, 53, 13))
axes.set_xlabel("Weeks since the first answer")
axes.set_ylabel("Have begun a job, %")
axes.set_title("The caseworker's first answer and the job (synthetic; shaded: 95 %; in brackets: clients)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *Assumption: none but that the register is right.* The gap is wide. But an answer 5 goes with better health, more search
# and a fresher work history, so the gap is not what the answer itself adds.
#
# ## 2. One at a time, and all at once
#
# `bip.cox` models the chance of entry in the coming week among those still there. Eleven models with one indicator
# each, beside one model with all of them; background and job centre stand in every one. Errors are clustered: clients
# of one caseworker share a caseworker.

# %%
spells = bip.spells(study)
by_caseworker = bip.cluster("caseworker")
everything = bip.formula("indicators", "background", "jobcentre")

joint = bip.cox(everything, spells, vcov=by_caseworker)
together = joint.tidy(exponentiate=True).set_index("term").loc[INDICATORS]

alone = pd.concat(
    bip.cox(bip.formula(key, "background", "jobcentre"), spells, vcov=by_caseworker).tidy(exponentiate=True).iloc[[0]]
    for key in INDICATORS
).set_index("term")

order = together["estimate"].sort_values().index
figure, axes = plt.subplots(figsize=(7.5, 5), layout="constrained")
for line, key in enumerate(order):
    for frame, colour, lift in ((alone, GREY, 0.17), (together, BLUE, -0.17)):
        row = frame.loc[key]
        axes.plot([row["conf_low"], row["conf_high"]], [line + lift] * 2, color=colour, linewidth=1.6)
        axes.plot(row["estimate"], line + lift, "o", color=colour, markersize=5)
axes.axvline(1, color="black", linewidth=0.8)
axes.set_yticks(range(len(order)), [NAMES[key] for key in order])
top = len(order) - 0.45
axes.text(alone.loc[order[-1], "estimate"], top, "one at a time", color=GREY, ha="center")
axes.text(together.loc[order[-1], "estimate"], top, "all in one model", color=BLUE, ha="center")
axes.set_xlabel("Hazard ratio of job or education, one step up")
figure.suptitle("Eleven indicators, ranked by the joint model (synthetic; lines: 95 %)", x=0.01, ha="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# Alone, almost every answer "matters", because each also stands for its neighbours. Together, each keeps only what the
# others do not say. Neither column is *the* effect. The grey one answers "who gets a job?", the blue one "who, of
# clients with the same other answers?".
#
# *Assumption of the blue column as an effect: nothing outside the model moves both an answer and the job, and answers are
# without error.* Both are false in this synthetic world: it holds true states that the answers show with noise.
#
# How sure is the ranking? The error of a difference needs the covariances too, so ask for it:

# %%
best, second, third = order[::-1][:3]
gaps = bip.contrasts(joint, {f"{best} - {other}": f"{best} = {other}" for other in (second, third, order[0])}, rng=1)
gaps.table

# %% [markdown]
# The first place is not won by more than chance; only the distance to the last one is. "The most important of all" needs more than one
# study of this size.
#
# ## 3. Three models, one question
#
# A Cox model counts weeks, a discrete-time hazard counts quarters, and a logit asks whether a client entered within a
# year of the first answer. The first two should agree. The third answers another question, with first answers only.

# %%
quarters = bip.person_periods(spells, width=13)
discrete = bip.hazard(everything, quarters, exposure="exposure", vcov=by_caseworker)
within_a_year = bip.logit(f"entered ~ {everything}", first, vcov=by_caseworker)

models = bip.compare_fits(
    {"Cox, weeks": joint, "hazard, quarters": discrete, "logit, one year": within_a_year},
    exponentiate=True,
    statistic="conf_int",
)
models.table.set_index("term").loc[INDICATORS]

# %% [markdown]
# *Assumptions: hazard ratios that are the same in every week (next section), and that whoever leaves otherwise is not
# special given the covariates.* Where the odds ratio of belief
# lies near its hazard ratio, that is not the same number twice: the logit has first answers only, which age during the
# year, and fewer entries, so chance plays a larger part. Which of these the published 33 % is, the sources do not say.
#
# And the errors? Clustering matters where caseworkers differ. One fit, three covariances:

# %%
errors = pd.DataFrame(
    {
        "model": joint.with_vcov("model", spells).bse,
        "robust, by client": joint.with_vcov("robust", spells).bse,
        "clustered by caseworker": joint.bse,
    }
).loc[INDICATORS]
errors.assign(ratio=errors["clustered by caseworker"] / errors["model"]).round(3)

# %% [markdown]
# Some clustered errors are a little larger than the model's, some a little smaller: in this study it changes not much. For
# `caseworker_belief` it should matter, since belief is partly a habit of the caseworker, and clients of one caseworker
# are not as many independent cases as there are rows.
#
# ## 4. Do the ratios hold over time, and at every step?

# %%
proportional = joint.ph_test(spells)
proportional.table[proportional.table["term"].isin([*INDICATORS, "GLOBAL"])].set_index("term").round(3)

# %%
axes = proportional.plot()
axes.figure.suptitle("Does the coefficient with the smallest p-value change over time?", x=0.01, ha="left", fontsize=10)
axes.set_xlabel("Weeks since enrolment, spaced by events")
axes.figure.set_size_inches(7, 3.6)

# %% [markdown]
# Each of eleven tests has one chance in twenty to fall below 0.05 if nothing is wrong, so the smallest p-value should be
# multiplied by eleven before it is believed. The global test looks at all of them at once, and may miss what one shows. In this world the true coefficients are constant. Answers that are carried along grow old, though, and
# that alone weakens a ratio with time.
#
# Is a step from 1 to 2 the same as from 4 to 5? A squared term for each indicator in turn, its p-value also
# multiplied by the number of tests; then belief in free steps:

# %%
bent = {}
for key in INDICATORS:
    curved = bip.cox(f"{everything} + I({key} ** 2)", spells, vcov=by_caseworker)
    bent[key] = curved.pvalues.iloc[-1]
squares = pd.DataFrame({"p of the square": bent}).sort_values("p of the square")
squares["times eleven"] = (11 * squares["p of the square"]).clip(upper=1)
squares.round(3).head(4)

# %%
free = bip.cox(everything.replace("caseworker_belief", "C(caseworker_belief)"), spells, vcov=by_caseworker)
steps = free.tidy().set_index("term")
steps = steps[steps.index.str.startswith("caseworker_belief[")]

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
answers = [int(term[-2]) for term in steps.index]
reference = next(iter(set(range(1, 6)) - set(answers)))
height = np.exp(joint.params["caseworker_belief"] * (np.arange(1, 6) - reference))
axes.plot(range(1, 6), height, color=GREY, linestyle="--")
axes.errorbar(
    answers,
    np.exp(steps["estimate"]),
    yerr=[np.exp(steps["estimate"]) - np.exp(steps["conf_low"]), np.exp(steps["conf_high"]) - np.exp(steps["estimate"])],
    fmt="o",
    color=BLUE,
)
axes.plot(reference, 1, "s", color=BLUE)
axes.set_yscale("log")
axes.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
axes.minorticks_off()
axes.set_xticks(range(1, 6))
axes.annotate("equal steps", (1.25, float(np.interp(1.25, range(1, 6), height))), xytext=(0, -16), textcoords="offset points", color=GREY)
axes.annotate("free steps, 95 %", (answers[-1], np.exp(steps["estimate"].iloc[-1])), xytext=(-95, 8), textcoords="offset points", color=BLUE)
axes.set_xlabel("Caseworker's answer")
axes.set_ylabel(f"Hazard ratio against answer {reference}")
axes.set_title("Belief in free steps, other answers equal (synthetic)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# The smallest p-value of eleven is small by selection; multiplied by eleven, nothing is left of
# it. (In this world the log hazard is a straight line in the true state behind every answer.) For belief the
# straight line passes through the intervals. Few clients get the top answer, so its interval is wide, and a bend at the top
# could easily stay unseen.
#
# ## 5. Prediction: answers against registers
#
# A source says in words that the indicators predict better than register data. `short_scale` compares them on clients who took
# no part in the fitting, and asks how few items would do.

# %%
scale = bip.progression.short_scale(study, rng=1)
scale.table[["model", "n_items", "auc", "auc_error", "more_auc", "conf_low", "conf_high"]].round(3)

# %%
axes = scale.plot()
axes.figure.suptitle("A handful of items predicts as well as eleven (synthetic; area under the curve, 95 %)", x=0.01, ha="left", fontsize=10)
axes.figure.set_size_inches(7.5, 4)

# %% [markdown]
# *Assumption: clients to come are like these.* The area is a probability: that of a client who will get a job and one who
# will not, the first has the higher score. It does not say that a single client's future is known, nor that
# raising an answer helps. A thermometer predicts fever and cures nobody.
#
# ## 6. From ratios to people
#
# How many more would enter within a year if an answer were one step higher for everyone? For every way out of the study a hazard
# is needed, since a pensioner finds no job. `margins` then averages over the clients at their first answers.

# %%
others = ("education", "pension", "death", "emigration", "other")
formulas = {"job": everything} | dict.fromkeys(others, "caseworker_belief + health_coping + age + mental_diagnosis")
fits = {
    way: bip.cox(right, first, start=None, stop="weeks", event=f"exit == {way}", vcov=by_caseworker)
    for way, right in formulas.items()
}
people = pd.concat(
    bip.margins(fits, first, key, horizon=52).table.set_index("term").loc[[f"job: {key}"]] for key in INDICATORS
)[["estimate", "conf_low", "conf_high"]]
(100 * people).round(2).sort_values("estimate", ascending=False)

# %% [markdown]
# In percentage points of all clients. *Assumption: that of section 2, and first answers that stand still for a year.* For belief
# the simulation keeps the truth, on several scales:

# %%
truth = study.truth.set_index(["quantity", "scale"])["value"]["belief_effect"]
seen = together.loc["caseworker_belief"]
pd.Series(
    {
        "estimated hazard ratio, one step of the answer": seen["estimate"],
        "true hazard ratio, one step of belief itself": truth["hazard ratio"],
        "true risk ratio within 52 weeks": truth["risk ratio, 52 weeks"],
        "true risk difference within 52 weeks": truth["risk difference, 52 weeks"],
    }
).round(3)

# %% [markdown]
# Three different numbers describe one truth, and none is the estimate. "33 % more likely" says little until it is said what
# is meant: a hazard, odds or a risk, within how long, and of whom. The sources do not say.
#
# ## What may be concluded
#
# - Which answers *go with* jobs, and how well they predict: yes, with intervals.
# - Which one is the most important: only with a study large enough to tell the first place from the second.
# - What would happen if an answer were *raised*: not from these models. Notebook 05 shows worlds in which all of the above looks the
#   same and the answer is "nothing".
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint.

# %%
from exercise import check

# %% [markdown]
# **1. Two steps.** By the joint model, what is the hazard ratio of `job_search` two steps up?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
step = float(together.loc["job_search", "estimate"])
check(
    answer,
    np.exp(2 * joint.params["job_search"]),
    mistakes={
        "Ratios multiply, they do not add.": 1 + 2 * (step - 1),
        "That is one step.": step,
        "That is the logarithm; take exp of it.": 2 * joint.params["job_search"],
    },
    hint="Coefficients add on the log scale: exp(2 b), not 2 exp(b).",
)

# %% [markdown]
# **2. Nine of eleven?** For how many of the eleven indicators does the 95 % interval of the joint model exclude 1?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
excluded = int(((together["conf_low"] > 1) | (together["conf_high"] < 1)).sum())
check(
    answer,
    excluded,
    mistakes={"That is one at a time.": int((alone["conf_low"] > 1).sum())},
    hint="Count rows of `together` with conf_low above 1 or conf_high below 1.",
    within=0,
)
# In this world nine have an effect. That all nine come out significant in a study of this size is rather the exception.

# %% [markdown]
# **3. Pensioners as if they were still looking.** One minus Kaplan-Meier treats those who leave otherwise as if they could still
# find a job. By how many percentage points does it exceed the cumulative incidence of a job at 52 weeks, all
# clients together? (`bip.survival_curve(first, start=None, stop="weeks", event=...)` with a column that is 1 for a job.)

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
kaplan_meier = bip.survival_curve(
    first.assign(job=(first["exit"] == "job").astype(int)), start=None, stop="weeks", event="job"
)
all_together = bip.cumulative_incidence(first, start=None, stop="weeks", exit="exit").table.query("exit == 'job'")
naive = 1 - kaplan_meier.table["estimate"].iloc[-1]
excess = 100 * float(naive - all_together["estimate"].iloc[-1])
assert excess > 0
check(
    answer,
    excess,
    mistakes={
        "In percentage points: multiply by 100.": excess / 100,
        "The other way round: Kaplan-Meier gives more.": -excess,
    },
    hint="Take the last row of both tables, one minus the survival less the incidence, times 100.",
    within=0.02,
)

# %% [markdown]
# **4. Five studies that nobody chose.** Simulate the seeds 1 to 5 (`bip.simulate(rng=seed)`) and fit the joint model on each. How
# many *different* indicators come first among the five, by hazard ratio?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
winners, beliefs = [], []
for seed in range(1, 6):
    fit = bip.cox(everything, bip.spells(bip.simulate(rng=seed)))
    winners.append(fit.params[INDICATORS].idxmax())
    beliefs.append(np.exp(fit.params["caseworker_belief"]))
assert max(beliefs) > min(beliefs) > 1
print(f"Hazard ratio of belief in the five: {', '.join(f'{value:.2f}' for value in sorted(beliefs))}")
check(
    answer,
    len(set(winners)),
    hint="Collect fit.params[INDICATORS].idxmax() of the five fits and count the different ones.",
    within=0,
)
