"""The report in a real browser: what a reader meets who opens it, on a desk, on a telephone, on paper."""

import json
import re
from itertools import pairwise

import pytest
from chromium import chromium

import bipstats as bip
from bipstats.replication.verdict import CALIBRATED

pytestmark = pytest.mark.browser

TELEPHONE, DESK = 390, 1280
LANGUAGES = ("en", "sv", "da")
A4_WIDTH = round((210 - 28) / 25.4 * 96)
A4_HEIGHT = round((297 - 31) / 25.4 * 96)
"""Of the printed part of a page, in CSS pixels."""

CONTRAST = """
(() => {
  const channel = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.getClientRects().length || element.matches("script, option")) continue;
    const style = getComputedStyle(element);
    const ink = parse(element.closest("svg") ? style.fill : style.color);
    const [high, low] = [light(ink), light(behind(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) poor.push([ratio.toFixed(2), element.outerHTML.slice(0, 90)]);
  }
  return poor;
})()
"""


@pytest.fixture(scope="module")
def ledger():
    return bip.replicate(bip.simulate(clients=400, rng=1), draws=20)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def opened(ledger, browser, tmp_path):
    """Opens the page in a language, freshly, at a width, in light or dark."""

    def open_page(lang="en", width=DESK, scheme="light"):
        path = tmp_path / f"report-{lang}.html"
        ledger.to_html(path, lang=lang)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", media="", features=features)
        browser.resize(width)
        browser.open(path)
        return browser

    return open_page


@pytest.fixture
def page(opened):
    """The page in English at the width of a desk."""
    return opened()


def press(page, key, code=None):
    """Press a key and let it go."""
    keys = {"Tab": 9, "Enter": 13, " ": 32}
    known = {"key": key, "code": code or key, "windowsVirtualKeyCode": keys[key]}
    text = {"Enter": "\r", " ": " "}.get(key)
    page.call("Input.dispatchKeyEvent", type="keyDown", **known, **({"text": text} if text else {}))
    page.call("Input.dispatchKeyEvent", type="keyUp", **known)


def shown(page):
    """Ids of the rows that are seen, in their order."""
    return page.evaluate(
        "[...document.querySelectorAll('.rows .row')].filter(row => row.offsetHeight).map(row => row.dataset.id)"
    )


def write(page, selector, value):
    """Fill in a field as a reader does."""
    page.evaluate(
        f"(() => {{ const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )


def click(page, selector):
    page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_fetched_and_nothing_complains(opened, lang):
    page = opened(lang)
    click(page, "[data-do=fold]")
    for name in ("id", "verdict", "difference", "subject"):
        click(page, f"[data-sort={name}]")
    assert [url.rsplit("/", 1)[1] for url in page.requests()] == [f"report-{lang}.html"]
    assert page.complaints() == []
    assert page.evaluate("document.documentElement.lang") == lang


def test_the_driver_sees_requests_and_complaints(browser, tmp_path):
    """So that the test above can fail."""
    path = tmp_path / "bad.html"
    path.write_text('<img src="absent.png"><script>console.error("no"); undefinedName()</script>')
    browser.open(path)
    assert [url.rsplit("/", 1)[1] for url in browser.requests()] == ["bad.html", "absent.png"]
    assert len(browser.complaints()) == 3


def test_every_figure_is_there_with_its_verdict(page, ledger):
    found = page.evaluate(
        "[...document.querySelectorAll('.rows .row')].map(row =>"
        " [row.dataset.id, row.querySelector('.judged').innerText])"
    )
    assert {name: " ".join(text.split()) for name, text in found} == dict(
        zip(ledger.table["id"], ledger.table["verdict"], strict=True)
    )


def test_a_click_unfolds_a_row(page):
    heights = page.evaluate(
        "(() => { const row = document.querySelector('details.row'), before = row.offsetHeight;"
        " row.querySelector('summary').click(); return [before, row.offsetHeight, row.open]; })()"
    )
    assert heights[2] and heights[1] > 2 * heights[0] > 0
    for part in ("blockquote", ".facts", ".grid-table", ".model summary", ".code pre"):
        assert page.evaluate(f"document.querySelector('details.row[open] {part}').offsetHeight") > 0


def test_all_rows_unfold_and_fold(page, ledger):
    click(page, "[data-do=fold]")
    assert page.evaluate("document.querySelectorAll('.row[open]').length") == len(ledger.table)
    click(page, "[data-do=fold]")
    assert page.evaluate("document.querySelectorAll('.row[open]').length") == 0


def natural(name):
    """E9 before E10, as a reader counts."""
    return [int(part) if part.isdigit() else part for part in re.findall(r"\d+|\D+", name)]


def test_rows_sort_by_figure_verdict_and_difference(page, ledger):
    first = shown(page)
    assert page.evaluate("document.querySelector('.subject').offsetHeight") > 0
    click(page, "[data-sort=id]")
    assert shown(page) == sorted(first, key=natural)
    assert page.evaluate("[...document.querySelectorAll('.subject')].every(head => !head.offsetHeight)")
    click(page, "[data-sort=id]")
    assert shown(page) == sorted(first, key=natural, reverse=True)
    click(page, "[data-sort=verdict]")
    words = ledger.table.set_index("id")["verdict"].str.removeprefix(CALIBRATED)
    order = [words[name] for name in shown(page)]
    assert order == sorted(order, key=order.index) and len(set(order)) > 3
    click(page, "[data-sort=difference]")
    sizes = page.evaluate("[...document.querySelectorAll('.rows .row')].map(row => row.dataset.difference)")
    known = [float(size) for size in sizes if size]
    assert known == sorted(known, reverse=True) and len(known) > 10
    assert not any(sizes[len(known) :])  # rows that cannot be compared come last
    click(page, "[data-sort=difference]")
    sizes = page.evaluate("[...document.querySelectorAll('.rows .row')].map(row => row.dataset.difference)")
    assert [float(size) for size in sizes if size] == known[::-1] and not any(sizes[len(known) :])
    pressed = page.evaluate(
        "[...document.querySelectorAll('[aria-pressed=true]')].map(button => button.dataset.sort)"
    )
    assert pressed == ["difference"]
    click(page, "[data-sort=subject]")
    assert shown(page) == first


def test_rows_are_filtered_by_verdict_status_and_words(page, ledger):
    everything = shown(page)
    words = ledger.table.set_index("id")["verdict"].str.removeprefix(CALIBRATED)
    write(page, "#ledger select", "not comparable")
    assert shown(page) == [name for name in everything if words[name] == "not comparable"]
    told = page.evaluate("document.querySelector('.count').textContent")
    assert told == f"{(words == 'not comparable').sum()} of {len(words)} rows"
    assert page.evaluate(
        "[...document.querySelectorAll('.subject')].filter(head => head.offsetHeight).length"
    ) < 7  # a heading without rows goes too  # fmt: skip
    write(page, "#ledger select", "")
    write(page, "#ledger label:nth-of-type(3) select", "derived")
    assert shown(page) == ["E09d", "E14"]
    write(page, "#ledger label:nth-of-type(3) select", "")
    write(
        page, "#ledger input", "Mindsker sagsbehandlerskift"
    )  # words of the source count, in any order and case
    assert shown(page) == ["E03"]
    write(page, "#ledger input", "zzz")
    assert shown(page) == []
    assert page.evaluate("document.querySelector('.nothing').offsetHeight") > 0
    click(page, "[data-do=clear]")
    assert shown(page) == everything
    assert page.evaluate("document.querySelector('.nothing').offsetHeight") == 0


def test_a_filter_outlives_a_sort(page):
    write(page, "#ledger input", "caseworker")
    some = shown(page)
    click(page, "[data-sort=id]")
    assert shown(page) == sorted(some, key=natural)


def test_code_is_copied(page, ledger):
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.call("Page.bringToFront")
    page.evaluate("document.getElementById('row-E02').open = true")
    click(page, "#row-E02 .copy")
    until = (
        "new Promise(done => { const look = () => {"
        " const text = document.querySelector('#row-E02 .copy').textContent;"
        " text === 'Copy' ? setTimeout(look, 20) : done(text); }; look(); })"
    )
    assert page.evaluate(until) == "Copied"
    assert page.evaluate("navigator.clipboard.readText()") == ledger.code["E02"]


def test_code_is_marked_where_the_clipboard_is_closed(page, ledger):
    page.evaluate("document.getElementById('row-E02').open = true")
    page.evaluate(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('closed'));"
        " document.execCommand = () => false"
    )
    click(page, "#row-E02 .copy")
    assert (
        page.evaluate(
            "new Promise(done => setTimeout(() => done(document.querySelector('#row-E02 .copy').textContent), 50))"
        )
        == "Press Ctrl+C"
    )
    assert page.evaluate("getSelection().toString()").strip() == ledger.code["E02"].strip()


def test_a_link_to_a_row_unfolds_it(page):
    click(page, "#forest a[href='#row-E03']")
    assert page.evaluate(
        "new Promise(done => setTimeout(() => done(document.getElementById('row-E03').open), 50))"
    )
    top = page.evaluate("document.getElementById('row-E03').getBoundingClientRect().top")
    assert 0 <= top < 300


def test_without_javascript_everything_can_be_read(browser, opened, ledger):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page = opened()
        assert len(shown(page)) == len(ledger.table)
        assert page.evaluate("document.querySelector('.tools').offsetHeight") == 0
        assert page.evaluate("document.querySelector('noscript p').offsetHeight") > 0
        assert page.evaluate("document.querySelector('.copy').offsetHeight") == 0
        spot = page.evaluate(
            "(() => { const line = document.querySelector('#row-E02 summary'); line.scrollIntoView();"
            " const box = line.getBoundingClientRect(); return [box.x + 40, box.y + 10]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            page.call(
                "Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1
            )
        assert page.evaluate("document.getElementById('row-E02').open")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_drawings_have_size_and_words(page):
    drawn = page.evaluate(
        "[...document.querySelectorAll('[role=img]')].map(s => [s.clientWidth, s.clientHeight, s.ariaLabel])"
    )
    assert len(drawn) == 2
    assert all(width > 300 and height > 100 and label for width, height, label in drawn)
    strips = page.evaluate(
        "[...document.querySelectorAll('.strip')].filter(s => s.checkVisibility())"
        ".map(s => [s.clientWidth, s.clientHeight, s.closest('tr').innerText])"
    )
    assert len(strips) > 25
    for width, height, text in strips:
        assert width > 200 and height > 20
        assert text.strip()  # every drawing stands in a row that says the same in numbers


def test_links_within_the_page_lead_somewhere(page):
    assert page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(link => !document.getElementById(link.hash.slice(1))).map(link => link.hash)"
    ) == []  # fmt: skip
    assert page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, i) => ids.indexOf(id) < i); })()"
    ) == []  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [320, TELEPHONE, 641, 861, 1001, DESK])
def test_only_tables_and_code_scroll_sideways(opened, width, lang):
    """Every row unfolded: the page itself is never wider than the window, and no text is cut or overlaps its column."""
    page = opened(lang, width)
    page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    beyond = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg, pre') &&"
        f" e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []
    spilt = page.evaluate(
        "[...document.querySelectorAll('.row > summary > span, .glance dd, .flow li > span, .tools *, .strips th')]"
        ".filter(e => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display"
        " !== 'inline').map(e => e.outerHTML.slice(0, 90))"
    )
    assert spilt == []


@pytest.mark.parametrize("width", [TELEPHONE, DESK])
def test_cells_of_a_row_do_not_overlap(opened, width):
    page = opened("da", width)
    page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true; })")
    over = page.evaluate(
        "(() => { const bad = []; for (const row of document.querySelectorAll('.row > summary, .strips tr')) {"
        " const boxes = [...row.children].filter(e => e.getClientRects().length && e.textContent.trim())"
        ".map(e => { const range = document.createRange(); range.selectNodeContents(e);"
        " return [range.getBoundingClientRect(), e]; });"
        " for (const [a, one] of boxes) for (const [b, two] of boxes) if (one !== two &&"
        " a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom - 2 && b.top < a.bottom - 2)"
        " bad.push(one.outerHTML.slice(0, 60) + ' / ' + two.outerHTML.slice(0, 60)); } return bad; })()"
    )
    assert over == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [TELEPHONE, DESK])
def test_text_stands_out_in_light_and_dark(opened, scheme, width):
    page = opened("en", width, scheme)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", back)[0]) < 60) == (scheme == "dark")
    page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true; })")
    assert page.evaluate(CONTRAST) == []


def test_the_contrast_test_can_fail(page):
    page.evaluate("document.querySelector('.lead').style.color = '#aaa'")
    assert len(page.evaluate(CONTRAST)) == 1


def test_the_keyboard_reaches_everything(page):
    """Tab from the top: every field, button, link and row takes the focus and shows it; Enter unfolds."""
    aims = page.evaluate(
        "document.querySelectorAll('.tools input, .tools select, .tools button, .row > summary, main a').length"
        " - document.querySelectorAll('.row:not([open]) .more a').length"
    )
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    seen = 0
    for _ in range(aims + 20):
        press(page, "Tab")
        seen += page.evaluate(
            "(() => { const e = document.activeElement; if (!e || e.dataset.seen"
            " || !e.matches('.tools *, .row > summary, main a')) return 0; e.dataset.seen = 'yes';"
            " return getComputedStyle(e).outlineStyle !== 'none' ? 1 : 0; })()"
        )
    assert seen == aims
    page.evaluate("document.querySelector('#row-E05 summary').focus()")
    press(page, "Enter")
    assert page.evaluate("document.getElementById('row-E05').open")
    page.evaluate("document.querySelector('[data-sort=verdict]').focus()")
    press(page, " ", "Space")
    assert page.evaluate("document.querySelector('[data-sort=verdict]').ariaPressed") == "true"


def test_headings_have_their_order_and_tables_their_heads(page):
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map(head => Number(head.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.querySelector('thead th'))")
    assert page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter(e => !e.textContent.trim()"
        " && !e.labels?.length && !e.ariaLabel).length"
    ) == 0  # fmt: skip


def sheets(pdf):
    """How many pages a PDF has."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_prints(opened, lang):
    page = opened(lang)
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    folded = sheets(pdf)
    assert 8 <= folded <= 14
    page.evaluate("document.querySelectorAll('.row').forEach(row => { row.open = true; })")
    assert sheets(page.pdf()) > folded + 15


def test_nothing_is_cut_on_paper(browser, opened):
    """Rows, figures and tables are kept whole, and are lower than a page; headings stay with what they head."""
    page = opened()
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.call("Emulation.setEmulatedMedia", media="print", features=features)
    try:
        page.resize(A4_WIDTH, A4_HEIGHT)
        whole = page.evaluate(
            "[...document.querySelectorAll('.row, .strips, figure, tr, .glance div, .flow li, blockquote')]"
            ".filter(e => e.getClientRects().length)"
            ".map(e => [getComputedStyle(e).breakInside, e.offsetHeight, e.outerHTML.slice(0, 60)])"
        )
        assert len(whole) > 100
        assert [item for item in whole if item[0] != "avoid" or item[1] > A4_HEIGHT] == []
        heads = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, h4, thead')].map(e => getComputedStyle(e).breakAfter)"
        )
        assert set(heads) == {"avoid"}
        assert page.evaluate("document.querySelector('.tools').offsetHeight") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_WIDTH
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_WIDTH
        assert page.evaluate(CONTRAST) == []
    finally:
        page.call("Emulation.setEmulatedMedia", media="", features=[])
