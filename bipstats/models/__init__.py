"""Duration and logit models."""
