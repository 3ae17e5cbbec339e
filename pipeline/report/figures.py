"""The report's charts as plain dicts for plotly.js. Colours are names of the page's own (`var(--g1)`), so that they follow its theme."""

from collections.abc import Iterable
from typing import Any

Figure = dict[str, Any]
Bins = list[dict[str, int]]

NUM_COLOURS = 6
MAX_LABELS = 7


def figures(stats: dict[str, Any]) -> dict[str, Figure]:
    """
    Args:
        stats: of statistics.collect.
    Returns:
        by the id of its place in the page: data and layout, as Plotly.newPlot takes them.
    """
    tokenized = _by_group(stats, "tokenize", "lengths")
    segments = _by_group(stats, "pack", "segment_lengths")
    per_sequence = _by_group(stats, "pack", "segments_per_sequence")
    return {
        "chart-deviation": _deviation(stats),
        "chart-documents": _bars(tokenized, "count", x="tokens in the document"),
        "chart-tokens": _bars(tokenized, "sum", x="tokens in the document"),
        "chart-segments": _bars(segments, "sum", x="tokens in the segment"),
        "chart-per-sequence": _bars(per_sequence, "count", x="segments in the sequence"),
        "chart-sources": _heatmap(stats),
    }


def group_colours(stats: dict[str, Any]) -> dict[str, str]:
    """A group's name to its colour's name."""
    return {group: f"g{1 + index % NUM_COLOURS}" for index, group in enumerate(stats["verdict"]["groups"])}


def bin_range(least: int) -> str:
    """What a histogram's bin holds: 1, 2 to 3, 4 to 7 and so on."""
    return f"{least:,}" if least < 2 else f"{least:,} to {2 * least - 1:,}"


def _short(value: int) -> str:
    for size, unit in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "k")):
        if value >= size:
            return f"{value // size}{unit}"
    return str(value)


def _bin_axis(bins: list[int], title: str) -> Figure:
    """Bins stand at 0, 1, 2 ...; as many as a phone has room for are named, by their least value."""
    places = list(range(0, len(bins), -(-len(bins) // MAX_LABELS) or 1))
    return {"tickvals": places, "ticktext": [_short(bins[place]) for place in places], "title": {"text": f"{title}, from", "standoff": 8}}


def _by_group(stats: dict[str, Any], section: str, key: str) -> dict[str, tuple[str, Bins]]:
    """By group its colour and the sum of its sources' histograms."""
    return {
        group: (colour, add_bins(source[section][key] for source in stats["sources"] if source["group"] == group))
        for group, colour in group_colours(stats).items()
    }


def add_bins(histograms: Iterable[Bins]) -> Bins:
    total: dict[int, dict[str, int]] = {}
    for row in (row for histogram in histograms for row in histogram):
        into = total.setdefault(row["from"], {"from": row["from"], "count": 0, "sum": 0})
        into["count"] += row["count"]
        into["sum"] += row["sum"]
    return [total[least] for least in sorted(total)]


def _all_bins(histograms: Iterable[Bins]) -> list[int]:
    held = {row["from"] for histogram in histograms for row in histogram}
    every = [0, *(1 << k for k in range(63))]
    return [least for least in every if held and min(held) <= least <= max(held)]


def _bars(groups: dict[str, tuple[str, Bins]], weight: str, *, x: str) -> Figure:
    """What share of each group falls into each bin, in percent."""
    bins = _all_bins(held for _, held in groups.values())
    data = []
    for group, (colour, held) in groups.items():
        counts, total = {row["from"]: row[weight] for row in held}, sum(row[weight] for row in held)
        bar = {
            "type": "bar",
            "name": _plain(group),
            "x": list(range(len(bins))),
            "y": [round(100 * counts.get(least, 0) / max(total, 1), 3) for least in bins],
            "customdata": [[bin_range(least), f"{counts.get(least, 0):,}"] for least in bins],
            "marker": {"color": f"var(--{colour})"},
            "hovertemplate": f"%{{customdata[0]}}: %{{customdata[1]}}, %{{y:.2f}} %<extra>{_plain(group)}</extra>",
        }
        data.append(bar)
    layout = _layout() | {"bargap": 0.25, "bargroupgap": 0.08}
    layout["xaxis"] |= _bin_axis(bins, x)
    layout["yaxis"] |= {"ticksuffix": " %", "rangemode": "tozero"}
    return {"data": data, "layout": layout}


def _heatmap(stats: dict[str, Any]) -> Figure:
    """Documents by length, a row a source."""
    sources = [source for source in stats["sources"] if source["tokenize"]["lengths"]]
    bins = _all_bins(source["tokenize"]["lengths"] for source in sources)
    z = []
    for source in sources:
        counts = {row["from"]: row["count"] for row in source["tokenize"]["lengths"]}
        z.append([round(100 * counts.get(least, 0) / sum(counts.values()), 3) for least in bins])
    heat = {
        "type": "heatmap",
        "x": list(range(len(bins))),
        "y": [_plain(source["name"]) for source in sources],
        "z": z,
        "customdata": [[bin_range(least) for least in bins]] * len(sources),
        "colorscale": [[0, "var(--heat0)"], [0.5, "var(--heat1)"], [1, "var(--heat2)"]],
        "zmin": 0,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "hovertemplate": "%{z:.2f} % of %{y}: %{customdata} tokens<extra></extra>",
    }
    layout = _layout() | {"height": 110 + 26 * len(sources), "showlegend": False}
    layout["xaxis"] |= _bin_axis(bins, "tokens in the document")
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "gridcolor": "var(--none)", "ticksuffix": "  "}
    return {"data": [heat], "layout": layout}


def _deviation(stats: dict[str, Any]) -> Figure:
    """The extremes over all sources as a band."""
    curves = stats["deviation"]["sources"].values()
    lowest = [min(values) for values in zip(*(curve["lowest"] for curve in curves), strict=True)]
    highest = [max(values) for values in zip(*(curve["highest"] for curve in curves), strict=True)]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": stats["deviation"]["prefix"],
        "line": {"color": "var(--g1)", "width": 1, "shape": "hv"},
        "hovertemplate": "%{y:.3f} before sequence %{x:,}<extra></extra>",
    }
    layout = _layout() | {"showlegend": False, "shapes": [_level(y) for y in (-1, 1)], "height": 240}
    layout["yaxis"] |= {"range": [-1.12, 1.12], "tickvals": [-1, -0.5, 0, 0.5, 1]}
    layout["xaxis"] |= {"tickformat": ",", "title": {"text": "sequences of the training stream", "standoff": 8}}
    return {"data": [band | {"y": lowest}, band | {"y": highest, "fill": "tonexty", "fillcolor": "var(--fill)"}], "layout": layout}


def _level(y: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": "var(--bad)", "width": 1.5, "dash": "dash"},
    }


def _layout() -> dict[str, Any]:
    axis = {
        "gridcolor": "var(--line)",
        "linecolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        "tickcolor": "var(--line)",
        "fixedrange": True,
    }
    return {
        "paper_bgcolor": "var(--none)",
        "plot_bgcolor": "var(--none)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": "var(--muted)"},
        "margin": {"l": 44, "r": 12, "t": 8, "b": 46},
        "height": 280,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--line)", "font": {"color": "var(--ink)"}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": "var(--ink)"}},
        "xaxis": axis | {"gridcolor": "var(--none)", "zeroline": False, "tickangle": 0},
        "yaxis": axis,
    }


def _plain(name: str) -> str:
    """plotly.js reads a few tags in texts as markup; a name has none."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
