"""The chance that dedupe compares two documents, over their similarity: for the default bands and for those that others use.

python benchmarks/dedup_recall.py [docs/dedup_recall.svg]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.dedup.params import NearParams, recall

WIDTH, HEIGHT, LEFT, TOP = 800, 340, 60, 40
PLOT_WIDTH, PLOT_HEIGHT = 500, 240
LOW = 0.4  # similarity at the left
INK, MUTED, GRID, SHADE = "#1f2933", "#7b8794", "#e4e7eb", "#dbeafe"
BANDS = {
    (36, 7): ("default", "#2563eb"),
    (42, 6): ("", "#0d9488"),
    (32, 8): ("", "#d97706"),
    (25, 10): ("The Stack", "#dc2626"),
    (14, 8): ("FineWeb", "#7c3aed"),
}


def at(similarity: float, chance: float) -> tuple[float, float]:
    return LEFT + PLOT_WIDTH * (similarity - LOW) / (1 - LOW), TOP + PLOT_HEIGHT * (1 - chance)


def grid(near: NearParams) -> Iterator[str]:
    (left, top), (right, bottom) = at(near.candidate_similarity, 1), at(near.sure_similarity, 0)
    yield f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{bottom - top}" fill="{SHADE}"/>'
    yield f'<text x="{(left + right) / 2:.1f}" y="{bottom - 8}" text-anchor="middle" fill="{INK}">checked exactly</text>'
    for tenth in range(4, 11):
        x, y = at(tenth / 10, 0)
        yield f'<text x="{x:.1f}" y="{y + 20}" text-anchor="middle" fill="{MUTED}">{tenth / 10:.1f}</text>'
    for quarter in range(5):
        x, y = at(LOW, quarter / 4)
        yield f'<line x1="{x}" x2="{x + PLOT_WIDTH}" y1="{y}" y2="{y}" stroke="{GRID}"/>'
        yield f'<text x="{x - 8}" y="{y + 4}" text-anchor="end" fill="{MUTED}">{25 * quarter} %</text>'
    x, y = at((1 + LOW) / 2, 0)
    yield f'<text x="{x}" y="{y + 42}" text-anchor="middle" fill="{MUTED}">Jaccard similarity of two documents</text>'
    (x, top), (_, bottom) = at(near.min_similarity, 1), at(near.min_similarity, 0)
    yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{INK}" stroke-dasharray="4 4"/>'


def curve(place: int, near: NearParams, name: str, colour: str) -> Iterator[str]:
    points = [at(LOW + (1 - LOW) * step / 120, recall(LOW + (1 - LOW) * step / 120, near)) for step in range(121)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{3 if name == "default" else 1.5}"/>'
    x, y = LEFT + PLOT_WIDTH + 20, TOP + 20 + 24 * place
    yield f'<line x1="{x}" x2="{x + 18}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>'
    share = 100 * recall(near.min_similarity, near)
    label = f"{near.bands} x {near.rows}: {share:.1f} %{f' ({name})' if name else ''}"
    yield f'<text x="{x + 24}" y="{y}" fill="{INK}">{label}</text>'


def main() -> None:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="{TOP - 20}" fill="{INK}" font-weight="600">chance that two documents are compared</text>',
        *grid(NearParams()),
    ]
    for place, ((bands, rows), (name, colour)) in enumerate(BANDS.items()):
        parts += curve(place, NearParams(num_permutations=256, bands=bands, rows=rows), name, colour)
        print(f"{bands} x {rows}: {recall(0.7, NearParams(num_permutations=256, bands=bands, rows=rows)):.3f} at 0.7")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("\n".join([*parts, "</svg>", ""]))


if __name__ == "__main__":
    main()
