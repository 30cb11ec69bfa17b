"""The ledger's page in a real browser: what a reader meets who opens it, on a desk, on a telephone, on paper."""

import pytest
from chromium import chromium

import bipstats as bip

pytestmark = pytest.mark.browser

TELEPHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def ledger():
    return bip.replicate(bip.simulate(clients=400, rng=1))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(ledger, browser, tmp_path):
    """The page, freshly opened at the width of a desk."""
    path = tmp_path / "report.html"
    ledger.to_html(path)
    browser.resize(DESK)
    browser.open(path)
    return browser


def test_nothing_is_fetched_and_nothing_complains(page):
    assert [url.rsplit("/", 1)[1] for url in page.requests()] == ["report.html"]
    assert page.complaints() == []


def test_the_driver_sees_requests_and_complaints(browser, tmp_path):
    """So that the test above can fail."""
    path = tmp_path / "bad.html"
    path.write_text('<img src="absent.png"><script>console.error("no"); undefinedName()</script>')
    browser.open(path)
    assert [url.rsplit("/", 1)[1] for url in browser.requests()] == ["bad.html", "absent.png"]
    assert len(browser.complaints()) == 3


def test_every_figure_is_there_with_its_verdict(page, ledger):
    shown = page.evaluate(
        "[...document.querySelectorAll('details.row')].map(row =>"
        " [row.querySelector('.id').innerText, row.querySelector('.verdict').innerText])"
    )
    assert len(shown) == len(ledger.table)
    # The page groups the figures, and labels the first part of one, whose id in the table is plain.
    expected = ledger.table.set_index("id")["verdict"].to_dict()
    found = {}
    for name, verdict in (map(" ".join, (text.split() for text in row)) for row in shown):
        known = [id for id in expected if name == id or name.startswith(f"{id} ")]
        found[max(known, key=len)] = verdict
    assert found == expected


def test_a_click_unfolds_a_row(page):
    heights = page.evaluate(
        "(() => { const row = document.querySelector('details.row'), before = row.offsetHeight;"
        " row.querySelector('summary').click(); return [before, row.offsetHeight, row.open]; })()"
    )
    assert heights[2] and heights[1] > 2 * heights[0] > 0
    assert page.evaluate("document.querySelector('details[open] blockquote').offsetHeight") > 0


def test_figures_are_drawn(page):
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map(s => [s.clientWidth, s.clientHeight])"
    )
    assert len(sizes) == 2
    assert all(width > 300 and height > 100 for width, height in sizes)


def test_links_within_the_page_lead_somewhere(page):
    assert page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(link => !document.getElementById(link.hash.slice(1))).map(link => link.hash)"
    ) == []  # fmt: skip
    assert page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, i) => ids.indexOf(id) < i); })()"
    ) == []  # fmt: skip


@pytest.mark.parametrize("width", [TELEPHONE, 768, DESK])
def test_only_tables_scroll_sideways(page, width):
    """Every row unfolded: the page itself is never wider than the window."""
    page.resize(width)
    page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    beyond = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg') &&"
        f" e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []


def test_it_prints(page):
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert len(pdf) > 20_000
