"""What BIP measured and published: keys, labels, register codes, figures with their sources.

Every fact has a status: ``published`` (with the source's words), ``derived`` (arithmetic on published ones)
or ``assumed`` (ours, because no source is readable). Importing this package loads no pandas.
"""

from __future__ import annotations

from bipstats.codebook.dream import DreamCodes, dream
from bipstats.codebook.figures import contradictions, design, published, sources
from bipstats.codebook.formula import formula
from bipstats.codebook.items import background, indicators, interventions
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
from bipstats.codebook.labels import label, term_label
from bipstats.codebook.sampling import sampling_error
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
    "background",
    "contradictions",
    "design",
    "dream",
    "formula",
    "indicators",
    "interventions",
    "label",
    "published",
    "sampling_error",
    "schema",
    "sources",
    "term_label",
]
