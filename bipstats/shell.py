"""What kind of shell runs the library; imports nothing of ours."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Whether the running shell is a notebook's; a plain interpreter has no such module loaded."""
    shell = sys.modules.get("IPython")
    active = shell.get_ipython() if shell is not None else None
    return type(active).__name__ == "ZMQInteractiveShell"
