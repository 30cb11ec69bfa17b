"""What pages and docstrings cite is in docs/statistics/bibliography.md, which is in order."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "statistics"
ENTRIES = [
    " ".join(entry.split())
    for entry in re.split(
        r"^- ", (FOLDER / "bibliography.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )[1:]
]
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "bibliography.md")
NAME = r"[A-ZÅÄÖØ][\w'’-]+"
# "Kline, Saggio and Sølvsten 2020", "Fleiss, Cohen & Everitt (1969)": the last author and the year are enough.
CITED = re.compile(rf"({NAME})(?: et al\.)?,? \(?((?:19|20)\d\d)\b")
NOT_AUTHORS = {"January", "September", "December"}


def known(author: str, year: str) -> bool:
    """Whether an entry has that author and that year."""
    return any(author in entry.partition(f"({year})")[0] for entry in ENTRIES if f"({year})" in entry)


def docstrings() -> dict[str, str]:
    """Sections References of all docstrings, by where they are."""
    found = {}
    for path in sorted((ROOT / "bipstats").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                text = ast.get_docstring(node) or ""
                section = re.search(
                    r"^References\n-+\n(.*?)(?=^\w[\w ]*\n-{3,}$|\Z)", text, re.MULTILINE | re.DOTALL
                )
                if section:
                    found[f"{path.relative_to(ROOT)}:{getattr(node, 'name', 'module')}"] = section[1]
    return found


REFERENCES = docstrings()


@pytest.mark.parametrize("page", PAGES, ids=[path.stem for path in PAGES])
def test_what_a_page_cites_is_in_the_bibliography(page):
    text = " ".join(page.read_text(encoding="utf-8").split())
    cited = {pair for pair in CITED.findall(text) if pair[0] not in NOT_AUTHORS}
    assert [pair for pair in sorted(cited) if not known(*pair)] == []


@pytest.mark.parametrize("where", REFERENCES)
def test_what_a_docstring_cites_is_in_the_bibliography(where):
    """By first author and year of every entry."""
    entries = re.findall(rf"({NAME}), [A-Z][^()]*\(((?:19|20)\d\d)\)", " ".join(REFERENCES[where].split()))
    assert entries, f"{where} has a section References in which no author and year can be read"
    assert [pair for pair in entries if not known(*pair)] == []


def test_pages_cite():
    texts = {page.stem: " ".join(page.read_text(encoding="utf-8").split()) for page in PAGES}
    cited = {pair for text in texts.values() for pair in CITED.findall(text)}
    assert len(cited) > 40
    assert ("Sølvsten", "2020") in cited


def test_the_bibliography_is_in_order_and_has_nothing_twice():
    def key(entry: str) -> str:
        return unicodedata.normalize("NFKD", entry.partition("(")[0].lower())

    # Nordic letters are filed as their nearest Latin ones, as readers of English look for them.
    names = [key(entry).replace("ø", "o").partition(",")[0] for entry in ENTRIES]
    assert names == sorted(names)
    assert len({entry.partition(").")[0] for entry in ENTRIES}) == len(ENTRIES)


def test_an_unknown_citation_is_noticed():
    assert not known("Nobody", "2020")
    assert not known("Cohen", "1801")
    assert known("Everitt", "1969")
