"""What `tenfold classifier train` prints."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_FRACTIONS = frozenset(["accuracy", "precision", "recall", "good_fraction"])


def print_card(card: dict[str, Any], output: str, *, console: Console | None = None) -> None:
    """What it was trained on, and its held-out scores."""
    console = console or Console()
    held_out = card["held_out"]
    trained = ", ".join(f"{count:,} {label}" for label, count in sorted(card["training"].items(), reverse=True))
    left = f"{card['copies_left_out']:,} copies and {card['in_both_classes_left_out']:,} documents with a text in both classes left out"
    console.print(Text(f"trained on {trained} documents; {left}"), soft_wrap=True)
    counts = f"{held_out['num_good']:,} good, {held_out['num_bad']:,} bad"
    pairs = f"a good one outscores a bad one in {100 * held_out['auc']:.2f} % of the pairs (AUC)"
    console.print(Text(f"held out: {counts} documents; {pairs}"), soft_wrap=True)
    for rows in ("thresholds", "calibration"):
        table = _table(held_out[rows])
        # A number that is cut short is worse than a line that the terminal breaks.
        console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
        console.print(table)
    console.print(Text(f"{output}: {card['num_bytes'] / 1e6:,.1f} MB; its card: {output}.json"), soft_wrap=True)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in rows[0]:
        table.add_column("score from" if name == "from" else name.replace("_", " "), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    return table


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    if name in _FRACTIONS:
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
