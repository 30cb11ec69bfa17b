"""Links of pages, docstrings and the codebook: DOIs' form, files that are linked, and addresses that are gone.

``make linkcheck`` asks every address once. Exit status 1: a link is dead or ill-formed. 3: no address could be reached
at all, which says something about the network and nothing about the links. What answers, but not to a program (403,
429, servers in trouble), is listed and is no failure. Links between pages are checked by the build of the site, where a
reference to what does not exist is an error.
"""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
WHERE = (
    "*.md",
    "*.cff",
    "docs/**/*.md",
    "bipstats/**/*.py",
    "bipstats/**/*.toml",
    "notebooks/*.py",
    "synthetic/*.md",
)
MADE = ("docs/_build", "docs/api")
DEAD, NO_NETWORK = 1, 3

_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\]+")
_DOI = re.compile(r"10\.\d{4,9}/[-._;()/:<>A-Za-z0-9]+")
_SAID = re.compile(r"\bdoi:\s*([^\s\])]\S*?)(?=[\].,;)]*(?:\s|\]|$))", re.IGNORECASE)
_LOCAL = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
_EXAMPLES = (
    "example.org",
    "example.com",
    "localhost",
    "www.w3.org",
)  # of namespaces and of tests: nothing to open

Answer = tuple[str, str]


def files() -> Iterator[Path]:
    """Every file whose links are checked."""
    for pattern in WHERE:
        for path in sorted(ROOT.glob(pattern)):
            if not str(path.relative_to(ROOT)).startswith(MADE):
                yield path


def addresses(text: str) -> list[str]:
    """Addresses in a text; brackets and stops that end a sentence are not theirs."""
    found = []
    for address in _ADDRESS.findall(text):
        while address[-1] in ".,;:!*]}" or (address[-1] == ")" and address.count(")") > address.count("(")):
            address = address[:-1]
        if "{" not in address and urlsplit(address).hostname not in _EXAMPLES:
            found.append(address)
    return found


def ill_formed(text: str) -> list[str]:
    """DOIs that cannot be DOIs, and links whose address is not that of the DOI that they show."""
    shown = [(f"doi:{doi}", doi) for doi in _SAID.findall(text)]
    linked = [(one, unquote(urlsplit(one).path[1:])) for one in addresses(text) if "://doi.org/" in one]
    found = [f"{said} is no DOI" for said, doi in shown + linked if _DOI.fullmatch(doi) is None]
    for doi, address in re.findall(r"\[doi:(\S+?)\]\((\S+)\)(?=\s|$)", text):
        if unquote(address) != f"https://doi.org/{doi}":
            found.append(f"doi:{doi} is linked to {address}")
    return found


def missing_files(path: Path) -> list[str]:
    """Local links of a page on the checkout's front (README and its like) to files that are not there."""
    links = _LOCAL.findall(path.read_text(encoding="utf-8"))
    return [f"{link} does not exist" for link in links if not (path.parent / link).exists()]


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: that of doi.org says that the DOI is known, whatever the publisher's server thinks of us."""

    def redirect_request(self, *_: object) -> None:
        return None


def ask(address: str) -> Answer:
    """What became of an address: ``("works" | "dead" | "unclear" | "unreached", why)``."""
    handlers = [_Stay] if "://doi.org/" in address else []
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=20) as answer:
            return "works", str(answer.status)
    except urllib.error.HTTPError as error:
        if 300 <= error.code < 400:
            return "works", str(error.code)
        return ("dead" if error.code in (404, 410) else "unclear"), f"HTTP {error.code}"
    except (urllib.error.URLError, OSError) as error:
        return "unreached", str(getattr(error, "reason", error))
    except Exception as error:  # an answer that is no HTTP
        return "unclear", str(error)


def judge(found: dict[str, list[str]], ask: Callable[[str], Answer] = ask) -> tuple[int, list[str]]:
    """Ask every address; status and lines to print."""
    if not found:
        return 0, ["0 addresses."]
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(found, pool.map(ask, found), strict=True))
    kinds = [kind for kind, _ in answers.values()]
    if set(kinds) == {"unreached"}:
        why = next(iter(answers.values()))[1]
        return NO_NETWORK, [f"No network ({why}): none of {len(found)} addresses was checked."]
    lines = [
        f"{kind}: {address} ({why}; {', '.join(found[address])})"
        for address, (kind, why) in sorted(answers.items())
        if kind != "works"
    ]
    lines.append(f"{kinds.count('works')} of {len(found)} addresses work.")
    return (DEAD if "dead" in kinds else 0), lines


def offline() -> list[str]:
    """What can be seen without a network."""
    wrong = [
        f"{path.relative_to(ROOT)}: {one}"
        for path in files()
        for one in ill_formed(path.read_text(encoding="utf-8"))
    ]
    fronts = [path for path in files() if path.parent == ROOT and path.suffix == ".md"]
    return wrong + [f"{path.name}: {one}" for path in fronts for one in missing_files(path)]


def main() -> int:
    """Print what is wrong."""
    wrong = offline()
    found: dict[str, list[str]] = {}
    for path in files():
        for address in dict.fromkeys(addresses(path.read_text(encoding="utf-8"))):
            found.setdefault(address, []).append(str(path.relative_to(ROOT)))
    status, lines = judge(found)
    print("\n".join(wrong + lines))
    return DEAD if wrong else status


if __name__ == "__main__":
    sys.exit(main())
