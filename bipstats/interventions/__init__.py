"""The 21 interventions in types and classes."""

from __future__ import annotations

from bipstats.interventions.classify import classify

__all__ = ["classify"]
