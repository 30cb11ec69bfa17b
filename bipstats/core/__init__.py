"""Statistics without domain words: design, optimiser, covariance, estimates and result."""
