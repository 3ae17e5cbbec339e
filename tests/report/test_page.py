"""The page: well-formed, self-contained, the same bytes again, and nothing of the corpus runs in it."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.figures import add_bins
from pipeline.report.page import percent, render, short, size, thousands, write_report
from pipeline.report.statistics import Stats
from pipeline.report.views import ratios
from tests.report.conftest import HOSTILE_GROUP, HOSTILE_RULE

VOID = {"meta", "link", "br", "img", "input", "hr", "rect"}


class Page(HTMLParser):
    """Elements with their attributes and text; an end tag that closes nothing, or another element, is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.cells: list[list[int]] = []  # of each table, the width of each row
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.cells.append([])
        elif tag == "tr":
            self.cells[-1].append(0)
        elif tag in ("td", "th"):
            self.cells[-1][-1] += int(dict(attrs).get("colspan") or 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self._open[-1] if self._open else "", []).append(data)

    def attributes(self, name: str) -> list[str]:
        return [value or "" for _, attrs in self.elements for key, value in attrs.items() if key == name]


@pytest.fixture(scope="module")
def html(stats: Stats) -> str:
    return render(stats)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_element_is_closed_and_every_reference_has_its_target(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    wanted = [link[1:] for link in page.attributes("href") if link.startswith("#")] + page.attributes("aria-labelledby")
    assert set(wanted) <= set(ids)
    assert all(link.startswith("#") or link == "stats.json" for link in page.attributes("href"))
    assert [element for element, _ in page.elements].count("h1") == 1


def test_the_rows_of_a_table_are_equally_wide(page: Page) -> None:
    assert page.cells
    for widths in page.cells:
        assert len(set(widths)) == 1


def test_nothing_of_the_corpus_is_markup(page: Page, html: str) -> None:
    own = html.replace(_plotly(), "")
    for hostile in (HOSTILE_RULE, HOSTILE_GROUP, "<script>alert('path')</script>"):
        assert hostile not in own
    assert not {name for _, attrs in page.elements for name in attrs if name.startswith("on")}
    assert [element for element, _ in page.elements].count("script") == 3
    assert "img" not in dict(page.elements)
    # They are there, as text.
    assert any("alert('rule')" in text for text in page.text["th"])
    assert any("alert('group')" in text for text in page.text["th"])


def test_charts_name_hostile_groups_without_markup(html: str) -> None:
    names = [trace["name"] for figure in _figures(html).values() for trace in figure["data"] if "name" in trace]
    assert any("alert('group')" in name for name in names)
    assert not any("<" in name for name in names)


def test_the_policy_lets_exactly_our_two_scripts_run(page: Page, html: str) -> None:
    [policy] = [attrs["content"] for name, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    [own] = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert policy is not None
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (own, _plotly())}
    assert set(directives["script-src"].split()) == hashes
    assert directives["default-src"] == "'none'"
    assert not any("http" in value or "*" in value for value in directives.values())


def test_plotly_is_inside_and_inflates_to_its_package(html: str) -> None:
    [packed] = re.findall(r'<script type="application/octet-stream" id="plotly">(.*?)</script>', html, re.S)
    assert zlib.decompress(base64.b64decode(packed)).decode() == _plotly()


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert not page.attributes("src")
    assert "link" not in dict(page.elements)


def test_every_chart_has_its_place_and_marks(page: Page, html: str) -> None:
    drawn = _figures(html)
    assert set(drawn) == {id for id in page.attributes("id") if id.startswith("chart-")}
    for figure in drawn.values():
        assert all(len(trace["x"]) for trace in figure["data"])


def test_the_bars_of_a_group_sum_to_a_hundred(html: str, stats: Stats) -> None:
    for id in ("chart-documents", "chart-tokens", "chart-segments", "chart-per-sequence"):
        traces = _figures(html)[id]["data"]
        assert len(traces) == len(stats["groups"])
        for trace in traces:
            assert sum(trace["y"]) == pytest.approx(100, abs=0.05)


def test_histograms_are_added_bin_by_bin() -> None:
    left = [{"from": 1, "count": 2, "sum": 2}, {"from": 4, "count": 1, "sum": 7}]
    right = [{"from": 2, "count": 1, "sum": 3}, {"from": 4, "count": 2, "sum": 8}]
    assert add_bins([left, right, []]) == [
        {"from": 1, "count": 2, "sum": 2},
        {"from": 2, "count": 1, "sum": 3},
        {"from": 4, "count": 3, "sum": 15},
    ]


def test_the_verdict_is_in_the_page_as_in_the_stats(html: str, stats: Stats) -> None:
    assert f"{stats['verdict']['num_tokens']:,}" in html
    assert f"{stats['verdict']['num_sequences']:,}" in html
    assert f"{stats['verdict']['worst_deviation']['sequences']:.3f}" in html
    for item in stats["attention"]:
        assert item["text"] in html


def test_the_page_is_small_and_the_same_again(workdir: Path, finished_run: Path, html: str) -> None:
    path = write_report(str(workdir))
    assert path == str(workdir / "report.html")
    written = Path(path).read_bytes()
    assert len(written) < 5_000_000
    assert written == html.encode() == (finished_run / "report.html").read_bytes()
    assert json.loads((workdir / "stats.json").read_bytes())["verdict"]["groups"]


def test_a_run_without_near_deduplication_rules_or_duplicates_has_a_page(stats: Stats) -> None:
    bare = json.loads(json.dumps(stats))
    bare["run"]["params"]["dedup"]["near"], bare["dedupe"]["near"] = None, None
    bare["dedupe"]["duplicates"], bare["rules"], bare["attention"] = [], [], []
    for source in bare["sources"]:
        source["curate"] |= {"broken": {}, "num_broken": 0}
    html = render(bare)
    Page(html)
    assert "Near-deduplication is off" in html
    assert "No document duplicates another" in html


def test_a_run_with_phases_shows_them(stats: Stats) -> None:
    phased = json.loads(json.dumps(stats))
    phased["verdict"] |= {"phases": ["warm", "cool"], "phase_ends": [5, phased["verdict"]["num_sequences"]]}
    for source in phased["sources"]:
        if source["mixture"]:
            source["mixture"]["phases"] *= 2
    html = render(phased)
    Page(html)
    assert "warm: target" in html


@pytest.mark.parametrize(
    ("shares", "realised", "target"),
    [
        ({"code": 1.0}, "100 %", "100 %"),
        ({"code": 0.75, "text": 0.25}, "3.00 : 1", "3 : 1"),
        ({"code": 0.6, "text": 0.3, "maths": 0.1}, "6.00 : 3.00 : 1", "6 : 3 : 1"),
    ],
)
def test_ratios_take_the_smallest_group_as_one(shares: dict[str, float], realised: str, target: str) -> None:
    sides = ("target_share", "realised_share", "lowest_share", "highest_share")
    found = ratios({"groups": {name: dict.fromkeys(sides, share) for name, share in shares.items()}, "phase_ends": [9]})
    assert (found["realised"], found["target"]) == (realised, target)


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("ground", ["page", "card", "good-soft", "warn-soft", "bad-soft", "note-soft"])
def test_texts_have_the_contrast_of_wcag_aa(theme: int, ground: str) -> None:
    css = files("pipeline.report").joinpath("page.css").read_text()
    block = re.findall(r":root[^{]*\{([^}]*--page[^}]*)\}", css)[theme]
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
    texts = {"page": ("ink", "muted", "link"), "card": ("ink", "muted", "link")}.get(ground, ("ink", ground.removesuffix("-soft")))
    for text in texts:
        colour = colours["link" if text == "note" else text]
        assert _contrast(colour, colours[ground]) >= 4.5, f"{text} on {ground}"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1.00 k"), (12_345, "12.3 k"), (999_999, "1000 k"), (3 * 10**12, "3.00 T")]
)
def test_large_numbers_are_shortened_to_three_digits(number: int, text: str) -> None:
    assert short(number) == text


def test_numbers_are_written_for_people() -> None:
    assert thousands(1234567) == "1,234,567"
    assert (size(12), size(2_500_000)) == ("12 B", "2.50 MB")
    assert (percent(0.1234), percent(0.00001, 2), percent(0, 2)) == ("12.3 %", "< 0.01 %", "0.00 %")


def _figures(html: str) -> dict[str, Any]:
    [text] = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)
    return json.loads(text)


def _plotly() -> str:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def _contrast(left: str, right: str) -> float:
    """Source: WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(left), luminance(right)), reverse=True)
    return (high + 0.05) / (low + 0.05)
