"""Right-hand sides from named parts, so that nobody types 21 names."""

from __future__ import annotations

from collections.abc import Iterator

from bipstats.codebook.keys import BACKGROUND, INDICATORS
from bipstats.errors import OptionError

_PARTS: dict[str, tuple[str, ...]] = {
    "indicators": INDICATORS,
    "background": BACKGROUND,
    "jobcentre": ("C(jobcentre)",),
}


def formula(*parts: str) -> str:
    """Join named parts and literal terms to the right-hand side of a formula.

    Parameters
    ----------
    *parts : str
        ``"indicators"`` (the 11), ``"background"`` (the 10), ``"jobcentre"`` (``C(jobcentre)``), or any term
        or sum of terms in the formula language, which passes as it is written.

    Returns
    -------
    str
        The terms joined by ``+``, each once, in the order of their first mention.

    Raises
    ------
    OptionError
        If there is no part, or a part is empty or no string.

    Examples
    --------
    >>> from bipstats import codebook
    >>> codebook.formula("jobcentre", "switched", "age + age:sex", "switched")
    'C(jobcentre) + switched + age + age:sex'
    >>> codebook.formula("indicators").split(" + ")[:2]
    ['job_search', 'labour_market_knowledge']
    """
    known = ", ".join(map(repr, _PARTS))
    if not parts:
        raise OptionError(f"formula() needs at least one part: {known}, or a literal term.")
    for part in parts:
        if not isinstance(part, str) or not part.strip():
            raise OptionError(f"formula() got {part!r}; a part is one of {known}, or a literal term.")
    terms = (term for part in parts for term in _PARTS.get(part.strip()) or _split(part))
    return " + ".join(dict.fromkeys(terms))


def _split(part: str) -> Iterator[str]:
    """The terms of a sum; a ``+`` inside brackets belongs to its term."""
    depth, start = 0, 0
    for place, character in enumerate(part):
        depth += (character in "([{") - (character in ")]}")
        if character == "+" and depth == 0:
            yield part[start:place].strip()
            start = place + 1
    yield part[start:].strip()
