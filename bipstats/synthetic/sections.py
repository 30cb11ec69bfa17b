"""The parameters of the synthetic truth, section by section; the defaults are world E2.

Time is counted in quarters of 13 weeks, and "log hazard" is the log of a rate per quarter. Readiness, beliefs
and item scores are latent variables with a variance near 1 at enrolment. The meaning, unit and status of
each parameter stand beside it (`Truth.parameters` gives them as a frame).
"""

from __future__ import annotations

from dataclasses import dataclass

from bipstats.synthetic.parameters import par

LOG = "log hazard"
SD = "sd of the latent"
SHARE = "share"
LOGIT = "log odds"


@dataclass(frozen=True, slots=True)
class Calendar:
    """When clients enrol and when the data end."""

    first_week: str = par("2012-12-31", "Monday of calendar week 0", "date", "derived", "Monday")
    weeks: int = par(209, "calendar weeks from week 0 to the end of 2016", "weeks", "derived", "positive")
    entry_first: int = par(4, "first calendar week of enrolment", "week", rule="not negative")
    entry_main: int = par(52, "calendar week by which the main wave has enrolled", "week", rule="positive")
    entry_last: int = par(80, "calendar week by which all have enrolled", "week", rule="positive")
    main_share: float = par(
        0.88,
        "clients of the main wave (2013)",
        SHARE,
        "assumed (almost all in 2013: published)",
        "probability",
    )
    centre_delay: int = par(
        0, "each job centre starts so much later than the one before", "weeks", rule="not negative"
    )
    history_weeks: int = par(260, "weeks of register before enrolment", "weeks", rule="positive")


@dataclass(frozen=True, slots=True)
class Background:
    """What the registers know at enrolment, and what it does to the hazard of job or education.

    A binary trait is ``loading * v + sqrt(1 - loading**2) * N(0, 1)`` above the point that gives its share;
    ``v`` is the client's common vulnerability.
    """

    female: float = par(0.48, "women", SHARE, rule="inner probability")
    single: float = par(0.68, "clients without a partner", SHARE, rule="inner probability")
    non_western: float = par(0.22, "clients of non-western origin", SHARE, rule="inner probability")
    unqualified: float = par(
        0.70, "no vocational qualification", SHARE, "published (E33)", "inner probability"
    )
    mental: float = par(0.46, "psychiatric diagnosis", SHARE, "published (E34)", "inner probability")
    musculoskeletal: float = par(
        0.20, "musculoskeletal disorder", SHARE, "published (E34b)", "inner probability"
    )
    convicted_men: float = par(0.25, "men convicted", SHARE, "published (E34b)", "inner probability")
    convicted_women: float = par(0.06, "women convicted", SHARE, rule="inner probability")
    loading_single: float = par(0.20, "single on vulnerability", "correlation", rule="correlation")
    loading_non_western: float = par(0.05, "origin on vulnerability", "correlation", rule="correlation")
    loading_unqualified: float = par(0.35, "unqualified on vulnerability", "correlation", rule="correlation")
    loading_mental: float = par(0.40, "mental diagnosis on vulnerability", "correlation", rule="correlation")
    loading_musculoskeletal: float = par(
        0.15, "musculoskeletal on vulnerability", "correlation", rule="correlation"
    )
    loading_convicted: float = par(0.35, "conviction on vulnerability", "correlation", rule="correlation")
    age_low: float = par(30.0, "youngest age at enrolment", "years", "published", "positive")
    age_range: float = par(34.0, "width of the age distribution", "years", rule="positive")
    age_shape: tuple[float, float] = par((1.5, 2.2), "Beta law of age", "shapes", rule="positive")
    never_in_job: float = par(0.42, "no week in job or education in five years", SHARE, rule="probability")
    job_share_shape: tuple[float, float] = par(
        (0.85, 2.68), "Beta law of the share in job or education", "shapes", "calibrated to E16", "positive"
    )
    loading_job_share: float = par(-0.45, "job share on vulnerability", "correlation", rule="correlation")
    self_support_shape: tuple[float, float] = par(
        (0.27, 4.7), "Beta law of other self-support", "shapes", "calibrated to E32", "positive"
    )
    effect_female: float = par(-0.05, "women against men", LOG)
    effect_age: float = par(-0.02, "one year of age", LOG)
    effect_single: float = par(-0.08, "single against couple", LOG)
    effect_non_western: float = par(-0.15, "non-western against western origin", LOG)
    effect_unqualified: float = par(-0.20, "no vocational qualification", LOG)
    effect_mental: float = par(-0.25, "psychiatric diagnosis", LOG)
    effect_musculoskeletal: float = par(-0.20, "musculoskeletal disorder", LOG)
    effect_convicted: float = par(-0.15, "conviction", LOG)
    effect_job_share: float = par(1.0, "five years in job or education against none", LOG)


@dataclass(frozen=True, slots=True)
class Centres:
    """The ten job centres, in the codebook's order."""

    shares: tuple[float, ...] = par(
        (0.04, 0.10, 0.04, 0.10, 0.09, 0.06, 0.06, 0.11, 0.06, 0.34),
        "clients by centre",
        SHARE,
        rule="shares",
    )
    effect_sd: float = par(0.20, "spread of the centres' effects", LOG, rule="not negative")
    effect_ranks: tuple[float, ...] = par(
        (4.0, 7.0, 1.0, 9.0, 3.0, 6.0, 2.0, 8.0, 5.0, 10.0),
        "rank of each effect, a normal score",
        "rank",
        rule="ranks",
    )


@dataclass(frozen=True, slots=True)
class Readiness:
    """The persistent readiness of a client and shocks to health."""

    on_vulnerability: float = par(-0.35, "readiness at enrolment on vulnerability", "slope")
    entry_sd: float = par(0.94, "own part of readiness at enrolment", SD, rule="positive")
    quarterly_sd: float = par(0.10, "random change per quarter", SD, rule="not negative")
    drift: tuple[float, ...] = par(
        (-0.045, 0.0, 0.05, 0.095),
        "change per quarter by class (none, other only, job only, job + other)",
        SD,
        "assumed (signs published: E23-E26)",
    )
    shock_on: float = par(0.01, "a health shock begins, per quarter", "probability", rule="probability")
    shock_off: float = par(0.25, "a health shock ends, per quarter", "probability", rule="probability")
    shock_readiness: float = par(0.5, "a shock lowers readiness by", SD)
    shock_health: float = par(0.8, "a shock lowers the health item by", SD)


@dataclass(frozen=True, slots=True)
class Answers:
    """True item scores and what stands between them and the answers 1 to 5.

    Items in the codebook's order without ``caseworker_belief``: job_search, labour_market_knowledge,
    health_coping, cooperation, work_self_efficacy, realistic_wage, goal_directed, realistic_competences,
    everyday_coping, network.
    """

    reliability: tuple[float, ...] = par(
        (0.75, 0.6967, 0.7322, 0.6789, 0.7411, 0.6878, 0.7233, 0.7056, 0.7144, 0.67),
        "variance of the true score beside its noise, by item",
        SHARE,
        rule="inner probability",
    )
    readiness_share: float = par(0.50, "readiness in a true score", "variance share", rule="probability")
    trait_share: float = par(0.28, "lasting trait in a true score", "variance share", rule="probability")
    null_readiness_share: float = par(
        0.12, "readiness in the two items without effect", "variance share", rule="probability"
    )
    null_common: float = par(0.3, "common passing state in these two, relative", "factor", rule="probability")
    passing_common: float = par(
        0.5, "passing state shared by all items", "variance share", rule="probability"
    )
    passing_persistence: float = par(
        0.8, "passing state, quarter to quarter", "correlation", rule="correlation"
    )
    client_style: float = par(0.20, "a client's own use of the scale", SD, rule="not negative")
    caseworker_leniency: float = par(0.20, "a caseworker's own use of the scale", SD, rule="not negative")
    halo: float = par(0.25, "belief beyond readiness colours all items", "slope")
    halo_noise: float = par(0.15, "mood of one caseworker questionnaire", SD, rule="not negative")
    cumulative: tuple[float, ...] = par(
        (0.12, 0.36, 0.66, 0.90), "answers up to 1, 2, 3, 4", "cumulative share", rule="cumulative"
    )


@dataclass(frozen=True, slots=True)
class Belief:
    """The caseworker's latent belief in the client's job chance, and its answer."""

    from_readiness: float = par(0.6519, "per sd of true readiness", "slope", "calibrated to E06")
    from_background: float = par(0.15, "per sd of the background's prospects", "slope")
    orientation: float = par(
        0.5077, "per sd of the caseworker's job orientation", "slope", "calibrated to E01"
    )
    private_view: float = par(0.30, "per sd of the private view of this client", "slope")
    private_persistence: float = par(
        0.8, "private view, quarter to quarter", "correlation", rule="correlation"
    )
    private_sorting: float = par(
        0.0, "private view with the first caseworker's orientation", "correlation", rule="correlation"
    )
    answer_noise: float = par(0.42, "noise of the answer", SD, rule="not negative")
    cuts: tuple[float, ...] = par(
        (-0.5646, -0.0132, 0.6331, 1.5421),
        "latent cuts between the answers 1 to 5",
        "latent",
        "calibrated to E05, E07-E09",
        "ordered",
    )


@dataclass(frozen=True, slots=True)
class Hazard:
    """The log hazard of job or education, per quarter."""

    level: float = par(-5.4701, "at mean values in the first quarter", LOG, "calibrated to E10")
    per_quarter: float = par(-0.0534, "per quarter since enrolment", LOG, "calibrated to E11")
    item_weights: tuple[float, ...] = par(
        (0.20, 0.12, 0.16, 0.13, 0.18, 0.12, 0.20, 0.12, 0.0, 0.0),
        "relative effect of one step, by item",
        LOG,
        "assumed (zero or not: published)",
        "not all zero",
    )
    item_scale: float = par(1.53, "factor on the item weights", "factor", rule="positive")
    belief: float = par(0.4023, "one step of the latent belief", LOG, "calibrated to E02")
    private_view: float = par(0.0, "one sd of the private view, not through belief", LOG)
    orientation: float = par(0.0, "one sd of the orientation, not through belief", LOG)
    education_share: float = par(0.15, "education among these exits", SHARE, rule="probability")


@dataclass(frozen=True, slots=True)
class Exits:
    """Other ways out, and how long states after the exit last."""

    other_level: float = par(-3.5066, "all other exits together, per quarter", LOG)
    other_readiness: float = par(-0.35, "other exits per sd of readiness", LOG)
    other_shock: float = par(0.7, "other exits during a health shock", LOG)
    other_shares: tuple[float, ...] = par(
        (0.45, 0.06, 0.04, 0.25, 0.20),
        "disability pension, death, emigration, flexjob, self-support",
        SHARE,
        rule="shares",
    )
    job_stays: float = par(0.55, "jobs that last to the data end", SHARE, rule="probability")
    job_weeks: float = par(40.0, "mean length of the others beyond eight weeks", "weeks", rule="positive")
    education_weeks: float = par(
        80.0, "mean length of education beyond half a year", "weeks", rule="positive"
    )
    self_support_weeks: float = par(
        60.0, "mean length of self-support beyond eight weeks", "weeks", rule="positive"
    )


@dataclass(frozen=True, slots=True)
class Caseworkers:
    """How caseworkers differ and how clients come to them."""

    per_client: float = par(0.075, "caseworkers per client", "ratio", "derived", "inner probability")
    effect_sd: float = par(
        0.7508, "spread of the caseworkers' own effects", LOG, "calibrated to E12", "not negative"
    )
    effect_tilt: float = par(
        0.11,
        "effects below their median are wider by this, above narrower",
        "log factor",
        "calibrated to E15",
    )
    sorting: float = par(
        0.1309,
        "clients with poor prospects get effective caseworkers",
        "rank correlation",
        "calibrated to E15",
        "correlation",
    )
    sorting_at_switch: float = par(1.0, "the same rule at a switch, relative", "factor", rule="probability")
    caseload_shape: float = par(4.0, "Gamma law of caseloads", "shape", rule="positive")
    assignment: str = par(
        "prospects",
        "rule at enrolment: in the order of prospects (see sorting), or the job centre's caseworkers in turn",
        "prospects or round robin",
        rule="assignment",
    )
    balanced: bool = par(False, "draw effects and orientations as normal scores", "true or false")


@dataclass(frozen=True, slots=True)
class Switches:
    """Changes of caseworker and what they do."""

    rate: float = par(0.0678, "switches per quarter", "probability", "calibrated to E04", "probability")
    departure_share: float = par(0.5, "switches because the caseworker leaves", SHARE, rule="probability")
    turnover_variance: float = par(
        0.5, "Gamma variance of the rate over caseworkers", "variance", rule="positive"
    )
    effect: float = par(-0.8076, "right after a switch", LOG, "calibrated to E03")
    half_life: float = par(2.0, "the effect halves in", "quarters", rule="positive")
    on_prospects: float = par(
        0.0, "a client's own switch, per sd of the true prospects of the quarter", "log probability"
    )
    on_passing: float = par(0.0, "a client's own switch, per sd of the passing state", "log probability")
    on_shock: float = par(0.0, "a client's own switch, during a health shock", "log probability")


@dataclass(frozen=True, slots=True)
class Interventions:
    """Who takes part in job-oriented and other interventions, quarter by quarter."""

    job_level: float = par(-0.3528, "job-oriented", LOGIT, "calibrated to E17-E20")
    other_level_with_job: float = par(
        -0.2824, "another type beside a job-oriented one", LOGIT, "calibrated to E17-E20"
    )
    other_level_without_job: float = par(
        0.4297, "another type without a job-oriented one", LOGIT, "calibrated to E17-E20"
    )
    job_readiness: float = par(0.35, "job-oriented per sd of readiness", LOGIT)
    job_orientation: float = par(0.15, "job-oriented per sd of the caseworker's orientation", LOGIT)
    job_passing: float = par(-0.15, "job-oriented per sd of the passing state", LOGIT)
    job_shock: float = par(-0.8, "job-oriented during a health shock", LOGIT)
    job_taste: float = par(
        0.8, "lasting differences between clients, job-oriented", LOGIT, rule="not negative"
    )
    other_readiness: float = par(-0.25, "another type per sd of readiness", LOGIT)
    other_passing: float = par(-0.07, "another type per sd of the passing state", LOGIT)
    other_taste: float = par(0.8, "lasting differences between clients, other", LOGIT, rule="not negative")
    second_other: float = par(0.24, "a second other type", "probability", "derived (E22)", "probability")
    same_code: float = par(0.7, "a client's usual code within a type", "probability", rule="probability")


@dataclass(frozen=True, slots=True)
class Measurement:
    """When questionnaires are filled in."""

    pairs_per_client: float = par(
        3.375, "questionnaire pairs per client (27,000 of 4,000 clients)", "pairs", "derived", "positive"
    )
    dropout: float = par(
        0.2234,
        "leaves the measurements, per quarter",
        "probability",
        "calibrated to the number of questionnaires",
        "probability",
    )
    dropout_readiness: float = par(-0.15, "dropout per sd of readiness", "log probability")
    dropout_shock: float = par(0.4, "dropout during a health shock", "log probability")
    dropout_passing: float = par(0.0, "dropout per sd of the passing state", "log probability")
    missed: float = par(0.10, "a quarter's measurement is missed", "probability", rule="probability")
    missed_passing: float = par(0.0, "missed measurements per sd of the passing state", "log probability")
    jitter_weeks: int = par(
        3, "latest week of a measurement after its due week", "weeks", rule="in a quarter"
    )
    apart: float = par(0.20, "the two questionnaires on different days", "probability", rule="probability")
