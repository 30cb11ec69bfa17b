"""The 21 interventions in types and classes."""
