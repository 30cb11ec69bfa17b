"""Spells, person-periods, landmarks and transitions: the only place that splits time."""
