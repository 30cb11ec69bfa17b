"""A study in counts, for the head of the report."""

from __future__ import annotations

from bipstats.errors import BipstatsError
from bipstats.replication.estimate import FEWEST
from bipstats.replication.frames import Prepared


def glance(prepared: Prepared) -> dict[str, str]:
    """Count clients, caseworkers and questionnaires, and follow them from the register to the analysis."""
    study = prepared.study
    questionnaires = study.responses["respondent"].value_counts()
    enrolled = study.clients["enrolled"].dropna()
    counts = {
        "clients": f"{len(study.clients):,}",
        "job centres": f"{study.clients['jobcentre'].nunique():,}",
        "caseworkers": f"{study.assignments['caseworker'].nunique():,}",
        "questionnaires of clients": f"{int(questionnaires.get('client', 0)):,}",
        "questionnaires of caseworkers": f"{int(questionnaires.get('caseworker', 0)):,}",
    }
    if len(enrolled):
        counts["enrolled"] = f"{enrolled.min():%m/%Y} to {enrolled.max():%m/%Y}"
    return counts | _flow(prepared)


def _flow(prepared: Prepared) -> dict[str, str]:
    """From clients to weeks at risk and entries; nothing where the register cannot be read."""
    try:
        ends = prepared.entry_ends
    except BipstatsError:
        return {}
    left = ends["exit"].value_counts()
    at_risk = int((ends["risk_start"] < ends["week"]).sum())
    ways = {
        "entered a job": int(left["job"]),
        "entered education": int(left["education"]),
        "left otherwise": int(left.drop(["censored", "job", "education"]).sum()),
        "still there at the end": int(left["censored"]),
    }
    if any(0 < count < FEWEST for count in ways.values()):
        ways = {}  # all of them: the others would give the small one away
    return {what: f"{count:,}" for what, count in {"followed in the register": at_risk, **ways}.items()}
