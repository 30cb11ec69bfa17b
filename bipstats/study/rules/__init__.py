"""What a study must satisfy: every rule is a row, one file per table."""
