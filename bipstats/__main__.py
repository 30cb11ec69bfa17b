"""``python -m bipstats`` is the command ``bipstats``."""

from bipstats.cli import main

raise SystemExit(main())
