"""The weekly benefit register: states, outcomes and exits."""
