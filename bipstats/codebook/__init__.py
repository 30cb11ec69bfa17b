"""What BIP measured and published: keys, labels, register codes, figures with their sources."""

from __future__ import annotations

from bipstats.codebook.dream import DreamCodes, dream
from bipstats.codebook.formula import formula
from bipstats.codebook.keys import (
    BACKGROUND,
    CASEWORKER_ITEMS,
    CLASSES,
    CLIENT_ITEMS,
    EXITS,
    INDICATORS,
    INTERVENTION_TYPES,
    LANGUAGES,
    LEVELS,
    REFERENCE_RATER,
)
from bipstats.codebook.schema import Column, schema

__all__ = [
    "BACKGROUND",
    "CASEWORKER_ITEMS",
    "CLASSES",
    "CLIENT_ITEMS",
    "EXITS",
    "INDICATORS",
    "INTERVENTION_TYPES",
    "LANGUAGES",
    "LEVELS",
    "REFERENCE_RATER",
    "Column",
    "DreamCodes",
    "dream",
    "formula",
    "schema",
]
