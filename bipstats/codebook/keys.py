"""Keys, levels and types that every other room refers to; constants only, no pandas."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

INDICATORS: tuple[str, ...] = (
    "job_search",
    "labour_market_knowledge",
    "health_coping",
    "cooperation",
    "work_self_efficacy",
    "realistic_wage",
    "caseworker_belief",
    "goal_directed",
    "realistic_competences",
    "everyday_coping",
    "network",
)
"""The 11 indicators: the columns of `responses`, in this order."""

CASEWORKER_ITEMS: tuple[str, ...] = INDICATORS
"""What the caseworker's questionnaire asks: all 11."""

CLIENT_ITEMS: tuple[str, ...] = tuple(
    key for key in INDICATORS if key not in {"caseworker_belief", "goal_directed"}
)
"""What the client's questionnaire asks: 9 (which two have no client twin is assumed)."""

REFERENCE_RATER: Mapping[str, str] = MappingProxyType(
    {
        key: "caseworker"
        if key in {"caseworker_belief", "goal_directed", "realistic_competences"}
        else "client"
        for key in INDICATORS
    }
)
"""Indicator -> the respondent whose answer stands in the column of the same name in spells."""

BACKGROUND: tuple[str, ...] = (
    "sex",
    "age",
    "civil_status",
    "origin",
    "vocational_qualification",
    "mental_diagnosis",
    "musculoskeletal_diagnosis",
    "convicted",
    "job_share_5y",
    "support_share_5y",
)
"""Background as it stands in spells; `clients` has `birth_year` where spells have `age`."""

LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "jobcentre": (
            "Faxe",
            "Horsens",
            "Rebild",
            "Silkeborg",
            "Sønderborg",
            "Thisted",
            "Vejen",
            "Viborg",
            "Vordingborg",
            "Aarhus",
        ),
        "sex": ("female", "male"),
        "civil_status": ("couple", "single"),
        "origin": ("western", "non_western"),
        "respondent": ("client", "caseworker"),
    }
)
"""Levels of the categories in the five tables; the first is the reference.

The job centres are BIP's ten; a study may have any others (`bipstats.codebook.schema`).
"""

INTERVENTION_TYPES: Mapping[int, str] = MappingProxyType(
    {
        code: kind
        for kind, codes in {
            "job": range(1, 10),
            "upgrading": range(10, 14),
            "social": range(14, 18),
            "health": range(18, 22),
        }.items()
        for code in codes
    }
)
"""Intervention code 1..21 -> its type."""

CLASSES: tuple[str, ...] = ("none", "other only", "job only", "job + other")
"""The four intervention classes of the published shares."""

EXITS: tuple[str, ...] = ("censored", "job", "education", "pension", "death", "emigration", "other")
"""Levels of the column `exit` in spells."""

Language = Literal["en", "sv", "da"]

LANGUAGES: tuple[Language, ...] = ("en", "sv", "da")
"""Languages of every label."""
