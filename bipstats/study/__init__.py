"""A study: five checked tables, their readers and their rules."""
