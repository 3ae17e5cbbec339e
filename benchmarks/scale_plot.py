"""Growth over documents as an SVG: two panels with logarithmic axes, a line of slope one in each for comparison."""

import math
from collections.abc import Iterator

WIDTH, HEIGHT, LEFT, TOP, PANEL = 760, 300, 60, 40, 280
INK, MUTED, LINE = "#1f2933", "#7b8794", "#2563eb"


def scale_plot(rows: list[dict[str, float]]) -> str:
    """
    Args:
        rows: of documents, cpu_seconds and peak_bytes.
    """
    documents = [row["documents"] for row in rows]
    panels = [
        ("CPU seconds", [row["cpu_seconds"] for row in rows], "{:,.0f}"),
        ("peak memory of all processes, GB", [row["peak_bytes"] / 1e9 for row in rows], "{:,.1f}"),
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for number, (title, values, form) in enumerate(panels):
        parts += [f'<g transform="translate({LEFT + number * (PANEL + 80)} {TOP})">', *_panel(title, documents, values, form), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, x: list[float], y: list[float], form: str) -> Iterator[str]:
    height = HEIGHT - TOP - 50
    decades = [math.floor(math.log10(min(x))), math.ceil(math.log10(max(x)))]
    low, high = math.floor(math.log10(min(y))), math.ceil(math.log10(max(y)))

    def at(document: float, value: float) -> tuple[float, float]:
        across = (math.log10(document) - decades[0]) / max(decades[1] - decades[0], 1)
        return PANEL * across, height * (1 - (math.log10(value) - low) / max(high - low, 1))

    yield f'<text y="-14" fill="{INK}" font-weight="600">{title}</text>'
    for power in range(low, high + 1):
        _, line = at(x[0], 10.0**power)
        yield f'<line x2="{PANEL}" y1="{line:.1f}" y2="{line:.1f}" stroke="#e4e7eb"/>'
        yield f'<text x="-8" y="{line + 4:.1f}" text-anchor="end" fill="{MUTED}">{10.0**power:g}</text>'
    for power in range(decades[0], decades[1] + 1):
        across, _ = at(10.0**power, y[0])
        yield f'<text x="{across:.1f}" y="{height + 20}" text-anchor="middle" fill="{MUTED}">{10**power:,}</text>'
    yield f'<text x="{PANEL / 2}" y="{height + 40}" text-anchor="middle" fill="{MUTED}">documents</text>'
    # Slope one, through the last point, as far as the panel goes.
    least = max(x[0], x[-1] * 10.0**low / y[-1])
    (x1, y1), (x2, y2) = at(least, y[-1] * least / x[-1]), at(x[-1], y[-1])
    yield f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{MUTED}" stroke-dasharray="4 4"/>'
    points = [at(document, value) for document, value in zip(x, y, strict=True)]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
    yield f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>'
    for (across, up), value in zip(points, y, strict=True):
        yield f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{LINE}"/>'
        yield f'<text x="{across - 8:.1f}" y="{up - 8:.1f}" text-anchor="end" fill="{INK}">{form.format(value)}</text>'
