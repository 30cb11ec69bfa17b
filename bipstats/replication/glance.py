"""A study in counts, for the head of the report."""

from __future__ import annotations

from bipstats.errors import BipstatsError
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
    except (BipstatsError, ValueError):
        return {}
    left = ends["exit"].value_counts()
    at_risk = int((ends["risk_start"] < ends["week"]).sum())
    return {
        "followed in the register": f"{at_risk:,}",
        "entered a job": f"{int(left['job']):,}",
        "entered education": f"{int(left['education']):,}",
        "left otherwise": f"{int(left.drop(['censored', 'job', 'education']).sum()):,}",
        "still there at the end": f"{int(left['censored']):,}",
    }
