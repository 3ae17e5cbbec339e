"""A document's story on the terminal. Texts are printed as text: nothing in them is markup or moves the cursor."""

import difflib
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import schema
from pipeline.report.explain import Row, Story
from pipeline.report.terminal import print_whole

LINES_COMPARED = 2000  # of each text: the comparison is quadratic in them
MOST_FINDINGS = 20


def print_story(story: Story, *, console: Console, max_lines: int) -> None:
    """
    Args:
        max_lines: of the texts side by side.
    """
    decision = story.decision
    console.print(Text(f"document {story.id}", "bold"))
    _print_facts(story, console)
    print_whole(_rules_table(story.rules(), decision["reason"]), console)
    for finding in (decision["findings"] or [])[:MOST_FINDINGS]:
        value = "" if finding["value"] is None else f", {finding['value']:.3g}"
        console.print(Text(f"  {finding['step']} found {finding['kind']} at {finding['start']:,} to {finding['end']:,}{value}"))
    if story.keeper is not None:
        _print_duplicate(story, console, max_lines=max_lines)
    elif story.text is not None:
        console.print(Text("\nits text", "bold"))
        for line in story.text.split("\n")[:max_lines]:
            console.print(Text(line), soft_wrap=True)


def _print_facts(story: Story, console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in _facts(story):
        table.add_row(Text(name, "dim"), Text(value))
    print_whole(table, console)


def _facts(story: Story) -> Iterator[tuple[str, str]]:
    decision, survivor = story.decision, story.survivor
    yield "source", story.source
    yield "from", f"{decision['container']}, row {decision['row']:,}"
    for name in ("path", "repository", "language"):
        if decision[name]:
            yield name, decision[name]
    if decision["licences"]:
        yield "licences", ", ".join(decision["licences"])
    yield "size", f"{decision['num_bytes']:,} bytes as it was read, {decision['num_chars']:,} characters normalised"
    verdict = decision["verdict"]
    yield "curate", verdict if verdict == schema.KEPT else f"{verdict}: {decision['reason']} {decision['detail'] or ''}".rstrip()
    if survivor is not None:
        copies = f"{survivor['copies']:,} with this very text" if survivor["copies"] > 1 else "the only one with this text"
        if survivor["kept"]:
            yield "dedupe", f"kept; {copies}"
        elif survivor["fork_of"] is not None:
            yield "dedupe", f"dropped with its repository; {copies}"
        else:
            similarity = "" if survivor["similarity"] is None else f", similarity {survivor['similarity']:.3f}"
            yield "dedupe", f"a duplicate of document {survivor['duplicate_of']}{similarity}; {copies}"
        if survivor["component"] != story.id:
            yield "cluster", f"of document {survivor['component']}"
    if fork := story.fork:
        share = f"{fork['num_duplicates']:,} of its {fork['num_documents']:,} documents are there, too"
        yield "in a fork", f"of {fork['fork_of']}: {share}"
    if removal := story.removal:
        yield "removed", f"{removal['entry']} ({removal['list']}, line {removal['line']:,})"
    if story.num_tokens is not None:
        yield "tokens", f"{story.num_tokens:,}"


def _rules_table(rules: list[Row], reason: str | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("rule", "measured", "at least", "at most", ""):
        table.add_column(name, justify="left" if name in ("rule", "") else "right", no_wrap=True)
    for rule in rules:
        value, low, high = rule["value"], rule.get("minimum"), rule.get("maximum")
        outside = value is not None and ((low is not None and value < low) or (high is not None and value > high))
        mark = "the reason" if rule["name"] == reason else "outside" if outside else ""
        measured = "not measured" if value is None else _number(value)
        table.add_row(Text(rule["name"]), measured, _number(low), _number(high), mark, style="red" if mark else "")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def _print_duplicate(story: Story, console: Console, *, max_lines: int) -> None:
    keeper, overlap = story.keeper, story.overlap()
    assert keeper is not None
    place = keeper.decision["path"] or keeper.decision["container"]
    console.print(Text(f"\nbeside document {keeper.id} of {keeper.source}, {place}", "bold"))
    if overlap is not None:
        console.print(
            f"{overlap.num_shared:,} shingles shared of {overlap.num_mine:,} and {overlap.num_its:,}: exact Jaccard similarity "
            f"{overlap.similarity:.3f}"
        )
    if story.text is None or keeper.text is None:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim", expand=True)
    table.add_column("this document", ratio=1, overflow="fold")
    table.add_column("the one that is kept", ratio=1, overflow="fold")
    rows = list(_side_by_side(story.text.split("\n")[:LINES_COMPARED], keeper.text.split("\n")[:LINES_COMPARED]))
    for mine, its, differs in rows[:max_lines]:
        table.add_row(Text(mine, "red" if differs else ""), Text(its, "green" if differs else ""))
    console.print(table)
    if len(rows) > max_lines:
        console.print(f"... and {len(rows) - max_lines:,} more lines (--lines shows more)", style="dim")


def _side_by_side(mine: list[str], its: list[str]) -> Iterator[tuple[str, str, bool]]:
    """(a line of mine, a line of its, whether they differ); a run of more than four equal lines is shown by its ends."""
    for tag, i, i_end, j, j_end in difflib.SequenceMatcher(None, mine, its, autojunk=True).get_opcodes():
        if tag == "equal":
            same = [(line, line, False) for line in mine[i:i_end]]
            skipped = f"... {len(same) - 4:,} equal lines ..."
            yield from same if len(same) <= 5 else [*same[:2], (skipped, skipped, False), *same[-2:]]
            continue
        for k in range(max(i_end - i, j_end - j)):
            yield mine[i + k] if i + k < i_end else "", its[j + k] if j + k < j_end else "", True
