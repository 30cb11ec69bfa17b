"""The ledger: published figures against estimates."""
