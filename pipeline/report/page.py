"""report.html: one file that opens anywhere and asks nothing of a network.

A corpus is hostile input. Every text goes through the template's escaping, the charts' numbers are data that no engine runs, and
the page's policy lets only two scripts run, by their hashes: our own and plotly's.
"""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from pipeline import storage
from pipeline.report.figures import figures
from pipeline.report.statistics import Stats, collect
from pipeline.report.views import views
from pipeline.shards import canonical_json

PAGE, STATS = "report.html", "stats.json"


def write_report(workdir: str) -> str:
    """Writes stats.json and report.html.

    Returns:
        the path of report.html.
    Raises:
        RunError: a job has not run yet, or a manifest is damaged.
    """
    stats = collect(workdir)
    storage.write_bytes(storage.join(workdir, STATS), canonical_json(stats))
    path = storage.join(workdir, PAGE)
    storage.write_bytes(path, render(stats).encode())
    return path


def render(stats: Stats) -> str:
    """The page; the same stats give the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(thousands=thousands, percent=percent, short=short, size=size)
    script, plotly = _text("page.js"), _plotly()
    # plotly.js styles its marks one by one, and draws a heat map as an image of its own.
    drawing = "style-src 'unsafe-inline'; img-src data:"
    policy = f"default-src 'none'; script-src {_hash(script)} {_hash(plotly)}; {drawing}; base-uri 'none'; form-action 'none'"
    # The marked parts are files of this package and of plotly, not of the corpus.
    return environment.get_template("page.html").render(
        stats=stats,
        view=views(stats),
        figures=figures(stats),
        parameters=canonical_json(stats["run"]["params"]).decode(),
        policy=policy,
        style=Markup(_text("page.css")),
        script=Markup(script),
        plotly=base64.b64encode(zlib.compress(plotly.encode(), 9)).decode(),
    )


def thousands(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def percent(value: float, digits: int = 1) -> str:
    least = 10.0**-digits
    return f"< {least:.{digits}f} %" if 0 < 100 * value < least / 2 else f"{100 * value:.{digits}f} %"


def short(value: int) -> str:
    """1234567 as 1.23 M."""
    return _scaled(value, ("", " k", " M", " B", " T"))


def size(num_bytes: int) -> str:
    return _scaled(num_bytes, (" B", " kB", " MB", " GB", " TB"))


def _scaled(value: int, units: Sequence[str]) -> str:
    """Three digits and a unit of thousands."""
    power = min((len(str(value)) - 1) // 3, len(units) - 1)
    part = value / 1000**power
    return f"{part:.{2 if part < 10 else 1 if part < 100 else 0}f}{units[power]}" if power else f"{value}{units[0]}"


@cache
def _text(name: str) -> str:
    return files("pipeline.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """How a policy names an inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
