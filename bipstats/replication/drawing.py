"""Drawings as SVG files that are the same at every run."""

from __future__ import annotations

import re


def own_ids(svg: str, name: str) -> str:
    """Number the ids: the drawing library's are random, and repeat from figure to figure.

    Examples
    --------
    >>> from bipstats.replication.drawing import own_ids
    >>> own_ids('<path id="m3f9"/><use href="#m3f9"/>', "forest")
    '<path id="forest-0"/><use href="#forest-0"/>'
    """
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    new = {old: f"{name}-{place}" for place, old in enumerate(found)}
    svg = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{new[match[1]]}"', svg)
    return re.sub(r"#([\w-]+)", lambda match: f"#{new[match[1]]}" if match[1] in new else match[0], svg)
