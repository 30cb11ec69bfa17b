"""Numerical kernels: arrays in, frozen results out."""
