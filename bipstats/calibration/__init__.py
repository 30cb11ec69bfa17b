"""Parameters of the synthetic study solved against the published figures."""
