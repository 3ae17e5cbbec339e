"""What `tenfold rethreshold` prints."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report.rethreshold import Answer, Change, Counts

COLUMNS = ("source", "documents", "kept now", "kept then", "", "characters now", "characters then", "")


def print_answers(answers: Mapping[str, Answer], *, console: Console | None = None) -> None:
    """The thresholds, a row a source, and why a number is a range."""
    console = console or Console()
    for change in (change for answer in answers.values() for change in answer.changes):
        console.print(Text(changed(change)), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=True)
    for source, answer in answers.items():
        table.add_row(Text(source), *cells(answer.counts))
    if len(answers) > 1:
        total = Counts()
        for answer in answers.values():
            for name, value in vars(answer.counts).items():
                setattr(total, name, getattr(total, name) + value)
        table.add_row("total", *cells(total), style="bold")
    # A number that is cut short is worse than a line that the terminal breaks.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)
    for source, answer in answers.items():
        for line in reasons(source, answer):
            console.print(Text(line, style="yellow"), soft_wrap=True)


def changed(change: Change) -> str:
    """`web.quality.min_score: 0.5 -> 0.412 (keeps 30 % of what it measured)`"""
    share = "" if change.share is None else f" (keeps {100 * change.share:g} % of the documents that the rule measured)"
    return f"{change.source}.{change.step}.{change.name}: {_shown(change.before)} -> {_shown(change.after)}{share}"


def cells(counts: Counts) -> list[str]:
    return [
        f"{counts.documents:,}",
        f"{counts.kept:,}",
        _range(counts.least, counts.most),
        _difference(counts.kept, counts.least, counts.most),
        f"{counts.kept_chars:,}",
        _range(counts.least_chars, counts.most_chars),
        _difference(counts.kept_chars, counts.least_chars, counts.most_chars),
    ]


def reasons(source: str, answer: Answer) -> list[str]:
    """Why the answer is a range; empty: it is exact."""
    lines = [
        f"{source}: {step} has not measured {count:,} of the documents in doubt: it sees only what stands, and they had fallen before it"
        for step, count in answer.unmeasured.items()
        if count
    ]
    lines += [
        f"{source}: {step} would edit {count:,} of the documents in doubt otherwise than it did, before later steps measure them"
        for step, count in answer.edited.items()
        if count
    ]
    return lines


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _difference(now: int, least: int, most: int) -> str:
    low, high = (f"{100 * (then - now) / now:+.2f} %" if now else "-" for then in (least, most))
    return low if low == high else f"{low} to {high}"


def _shown(value: object) -> str:
    """As a config takes it: no digit may be lost, or the documents with that very value would fall."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return "none" if value is None else str(value)
