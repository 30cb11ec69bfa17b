# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How do I get my own data in?
#
# You have followed people on their way to a job: who they are, what they and their caseworkers answered, who was in charge,
# what they took part in, and a weekly register. Your files have other names, other codes and other dates than the ones in
# these notebooks, and some mistakes that nobody has found yet.
#
# This notebook goes the whole way: files, a mapping, the mistakes all at once, a first model, and the ledger.
#
# **The files are written here, and all persons in them are synthetic.** Three job centres, Danish column names, semicolons,
# answers from 0 to 4, and one column that was never delivered. With data of your own, begin at section 2. Runs in a
# quarter of a minute; three exercises at the end.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import bipstats as bip

pd.set_option("display.max_colwidth", 90)
INDICATORS = list(bip.codebook.INDICATORS)

# %% [markdown]
# ## 1. Somebody else's files
#
# Skip this cell when you have files. It takes a simulated study and writes it down as another office might have: two tables as CSV
# for Windows, two as parquet. At the end it adds four mistakes.

# %%
temporary = TemporaryDirectory()
folder = Path(temporary.name)
made = bip.simulate(clients=1500, rng=7)

clients = made.clients.drop(columns="convicted")
clients["jobcentre"] = "Jobcenter " + pd.Series(["Nord", "Syd", "Øst"])[made.clients["jobcentre"].cat.codes % 3].array
clients["sex"] = clients["sex"].astype(str).map({"male": 1, "female": 2})
clients = clients.rename(columns={"client": "borger", "jobcentre": "jobcenter", "enrolled": "startdato", "sex": "koen"})

answers = made.responses.astype(dict.fromkeys(INDICATORS, "Int8"))
answers[INDICATORS] = (answers[INDICATORS] - 1).fillna(9)  # 0 to 4, and 9 for no answer
answers["respondent"] = answers["respondent"].astype(str).map({"client": "B", "caseworker": "S"})
answers = answers.rename(columns={"client": "borger", "caseworker": "sagsbehandler", "date": "dato"})

assignments = made.assignments.rename(columns={"client": "borger", "caseworker": "sagsbehandler"})
interventions = made.interventions.rename(columns={"client": "borger", "code": "tilbud"})

answers.loc[10, "job_search"] = 7  # mistakes: no such answer
interventions.loc[[3, 4], "tilbud"] = 99  # no such intervention
assignments.loc[0, "end"] = assignments.loc[0, "start"] - pd.Timedelta(days=400)  # ends before it starts
case_file = assignments.loc[7, "borger"]
assignments.loc[7, "borger"] = "C99999"  # nobody of that name

windows = {"sep": ";", "decimal": ",", "encoding": "cp1252", "date_format": "%d-%m-%Y", "index": False}
clients.to_csv(folder / "clients.csv", **windows)
assignments.to_csv(folder / "assignments.csv", **windows)
answers.to_parquet(folder / "responses.parquet")
interventions.to_parquet(folder / "interventions.parquet")
made.register.to_csv(folder / "register.csv.gz", index=False)

# %% [markdown]
# The files must be called `clients`, `responses`, `assignments`, `interventions` and `register`. Their format may differ: CSV, parquet,
# Stata, SPSS, Excel. The top of one:

# %%
print("\n".join((folder / "clients.csv").read_text(encoding="cp1252").splitlines()[:4]))

# %% [markdown]
# ## 2. What is wrong with them?
#
# `check_study` never stops at the first problem. It gives one row per rule and column: where, how many rows, which lines, an example
# (never an identifier), and how to mend it.

# %%
found = bip.check_study(folder)
found.groupby(["table", "rule", "severity"], sort=False)["n_rows"].agg(["size", "sum"]).rename(
    columns={"size": "columns", "sum": "rows"}
)

# %% [markdown]
# A long list, and nearly all of it is a matter of names. What the study expects stands in the codebook:

# %%
pd.DataFrame(
    [(c.name, c.kind, ", ".join(c.levels), c.nullable) for c in bip.codebook.schema("clients") if c.required],
    columns=["column", "kind", "levels", "may be empty"],
)

# %% [markdown]
# ## 3. A mapping
#
# Say how your files are written, and leave the files as they are. A mapping is data, a dictionary here or a TOML file of the same
# content: our name first, then yours. It renames, recodes, and says what means "missing" and what your scale calls our 1 and our 5. It never
# rounds: an answer between two steps would be an error.

# %%
mapping = {
    "date_format": "%d-%m-%Y",
    "encoding": "cp1252",
    "clients": {
        "columns": {"client": "borger", "jobcentre": "jobcenter", "enrolled": "startdato", "sex": "koen"},
        "codes": {"sex": {"1": "male", "2": "female"}},
    },
    "responses": {
        "columns": {"client": "borger", "caseworker": "sagsbehandler", "date": "dato"},
        "codes": {"respondent": {"B": "client", "S": "caseworker"}},
        "missing": [9],
        "scale": [0, 4],
    },
    "assignments": {"columns": {"client": "borger", "caseworker": "sagsbehandler"}},
    "interventions": {"columns": {"client": "borger", "code": "tilbud"}},
}
found = bip.check_study(folder, mapping)
found[["table", "column", "rule", "severity", "n_rows", "rows", "example", "fix"]]

# %% [markdown]
# What is left are the mistakes, and the column that nobody delivered. `read_study` refuses such a folder, with the same list:

# %%
try:
    bip.read_study(folder, mapping)
except bip.DataProblems as problems:
    print(problems)

# %% [markdown]
# ## 4. Mend, and read
#
# Each problem needs a decision, and the library takes none for you. Mend at the source where you can; where you cannot, do it
# in a script that stays with the data, so that every change can be read later. Ours:
#
# - the answer 7 becomes "no answer": what was meant cannot be known;
# - the two interventions with an unknown code are left out;
# - the assignment that ends before it starts gets an open end, if it is the client's last; else the day before the next one;
# - the assignment of an unknown client gets the right name, which stands in the case file;
# - convictions are unknown for everybody: an empty column says so.

# %%
answers.loc[answers["job_search"] == 7, "job_search"] = 9
interventions = interventions[interventions["tilbud"] != 99]
assignments.loc[assignments["borger"] == "C99999", "borger"] = case_file
backwards = assignments["end"] < assignments["start"]
following = assignments.groupby("borger")["start"].shift(-1) - pd.Timedelta(days=1)
assignments["end"] = assignments["end"].mask(backwards, following)
clients["convicted"] = pd.NA

mended = folder / "mended"
mended.mkdir()
clients.to_csv(mended / "clients.csv", **windows)
assignments.to_csv(mended / "assignments.csv", **windows)
answers.to_parquet(mended / "responses.parquet")
interventions.to_parquet(mended / "interventions.parquet")
made.register.to_csv(mended / "register.csv.gz", index=False)

study = bip.read_study(mended, mapping)
study

# %% [markdown]
# From here on your study is like any other. Look before you model: did the scale come out the right way round, and is as much missing as you
# expect?

# %%
by_respondent = study.responses.groupby("respondent", observed=True)[INDICATORS]
pd.DataFrame(
    {
        f"{what}, {who}": table.loc[who]
        for what, table in (
            ("mean", by_respondent.mean().astype(float).round(2)),
            ("answered", by_respondent.count()),
        )
        for who in ("client", "caseworker")
    }
)

# %% [markdown]
# A reversed question would stand out here, or as a correlation of the wrong sign with the others:

# %%
own = study.responses[study.responses["respondent"] == "caseworker"][INDICATORS].astype(float)
rest = own.apply(lambda column: column.corr(own.drop(columns=column.name).mean(axis=1)))

axes = rest.sort_values().plot.barh(figsize=(7, 3.6), color="#0072B2")
axes.set_yticks(range(len(rest)), bip.codebook.indicators().set_index("key")["label"][rest.sort_values().index])
axes.set_xlabel("Correlation with the mean of the other ten, caseworkers' answers")
axes.set_title("No bar points to the left: no scale is reversed (synthetic)", loc="left", fontsize=10)
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# And does the register say what you think it says? The meaning of the benefit codes is *assumed* in this library; check
# them against the register's own guide (`codes=` takes a corrected file).

# %%
states = bip.register_states(study)
states.groupby("state", observed=True)["client"].nunique().sort_values(ascending=False).rename("clients ever in it").to_frame()

# %% [markdown]
# ## 5. A first fit

# %%
spells = bip.spells(study)
spells.attrs["flow"]

# %%
try:
    bip.cox(bip.formula("indicators", "background", "jobcentre"), spells, vcov=bip.cluster("caseworker"))
except bip.ModelError as refusal:
    print(refusal)

# %% [markdown]
# `convicted` is empty, and no row is complete. Rows with missing values are never left out behind your back. `missing="drop"` would leave out
# everybody, so the column has to go:

# %%
background = [term for term in bip.formula("background").split(" + ") if term != "convicted"]
right = bip.formula("indicators", *background, "jobcentre")
cox = bip.cox(right, spells, vcov=bip.cluster("caseworker"))
cox.tidy(exponentiate=True).set_index("term").loc[INDICATORS, ["estimate", "conf_low", "conf_high", "p_value"]].round(3)

# %% [markdown]
# With this few entries most intervals hold 1. That is the size of the study, and no finding: "not significant" is not "no effect".
# Before you read a ratio as an effect, see notebook 05.
#
# ## 6. The ledger on your study
#
# `replicate` sets every published figure of BIP beside the same analysis of *your* study. An estimator that cannot run leaves a
# note in its row, and the rest stands.

# %%
ledger = bip.replicate(study, progress=False)
ledger.table["verdict"].value_counts().to_frame()

# %%
headline = ledger.table[ledger.table["id"].isin(["E01", "E02", "E03", "E08", "E16"])].copy()
headline["95 %"] = headline["interval"].map(lambda ends: f"{ends.left:.2f} to {ends.right:.2f}")
headline[["id", "statement", "published", "estimate", "95 %", "verdict"]].round(2)

# %%
pd.DataFrame(ledger.table.loc[ledger.table["verdict"] == "not estimated", ["id", "note"]])

# %% [markdown]
# What the verdicts mean on a study of your own:
#
# - `matches`, `compatible`: your study does not contradict the published figure. With wide intervals that is easily said; look at them.
# - `conflicts`: it does. Other clients, other years, other definitions, or chance. The row unfolds to the definitions.
# - `depends on definition`: one admissible reading agrees, another does not. Then say which one you use.
# - `not comparable`: the sources do not say enough.
#
# (Here, of course, the study *is* simulated, from a world tuned to these figures. The files do not say so, and the ledger cannot know: agreement
# in this notebook is by construction.)
#
# The page with all of it, and your study in this library's own form, which needs no mapping any more:

# %%
ledger.to_html(folder / "report.html")
study.to_folder(folder / "clean", format="parquet")

assert bip.read_study(folder / "clean") == study
sorted(path.name for path in (folder / "clean").iterdir()), f"report: {(folder / 'report.html').stat().st_size / 1e6:.1f} MB"

# %% [markdown]
# The same from the command line: `bipstats replicate clean --out report`.
#
# The report holds no rows of persons, and counts below five are suppressed. Whether it may leave your secure environment is
# for those who run it to say.
#
# ## Exercises
#
# Write your answer for the dots, run that cell and the folded one below it. A wrong answer gives a hint.

# %%
from exercise import check

# %% [markdown]
# **1. Upside down.** Suppose that in your files the answers on `network` are reversed: 4 is the worst, 0 the best. Change the mapping so (`scale` may
# name single indicators), read `mended` again, and give the mean of `network` over all questionnaires.

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
scales = {key: [4, 0] if key == "network" else [0, 4] for key in INDICATORS}
reversed_mapping = mapping | {"responses": mapping["responses"] | {"scale": scales}}
turned = bip.read_study(mended, reversed_mapping)
right_mean, plain_mean = (float(s.responses["network"].mean()) for s in (turned, study))
assert abs(right_mean + plain_mean - 6) < 1e-9
check(
    answer,
    right_mean,
    mistakes={
        "That is the mean as it was read before.": plain_mean,
        "That is on the files' scale, 0 to 4.": right_mean - 1,
    },
    hint='{"scale": {"network": [4, 0], ...}}: what the file writes for our 1, and for our 5. Name the other ten too.',
    within=0.001,
)

# %% [markdown]
# **2. How old may an answer be?** By default an answer holds for 52 weeks. How many entries are explained by an answer that is at most 26 weeks
# old (`events` in the flow of `bip.spells`)?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
half_a_year = bip.spells(study, carry_weeks=26).attrs["flow"]
flow = spells.attrs["flow"]
assert half_a_year["events"] < flow["events"] < flow["events_in_register"] + 1
check(
    answer,
    half_a_year["events"],
    mistakes={
        "That is with 52 weeks.": flow["events"],
        "Those are the ones left out.": half_a_year["events_without_usable_answer"],
        "That is all in the register.": flow["events_in_register"],
    },
    hint='bip.spells(study, carry_weeks=26).attrs["flow"].',
    within=0,
)

# %% [markdown]
# **3. One more mistake.** Make a copy of `study.responses` in which every answer of `health_coping` by a client is one too high, and a study of it
# (`dataclasses.replace(study, responses=...)`). How many rows does `bip.check_study` find wrong?

# %%
answer = ...

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from dataclasses import replace

shifted = study.responses.copy()
by_client = shifted["respondent"] == "client"
shifted.loc[by_client, "health_coping"] += 1
caught = int(bip.check_study(replace(study, responses=shifted))["n_rows"].sum())
assert 0 < caught < by_client.sum()
check(
    answer,
    caught,
    mistakes={
        "Those are all the shifted answers; a check sees only what cannot be.": int(by_client.sum()),
        "Only the clients' answers.": int((study.responses["health_coping"] == 5).sum()),
    },
    hint="Only what leaves the scale can be seen: sum n_rows of the problems.",
    within=0,
)
# All other shifted answers look right. A check finds what is impossible, never what is merely false: look at means, too.

# %%
temporary.cleanup()
