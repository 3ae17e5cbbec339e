"""The first table of `tenfold plan`: the steps of each source's curation, in their order."""

import inspect
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.config import SourceParams
from pipeline.curation.rejudge import edits_text
from pipeline.curation.steps import NORMALISE, Step, build_steps
from pipeline.report.rethreshold import thresholds_of

# Narrower, and every threshold stands on a line of its own.
_MIN_WIDTH = 100
_NORMALISE = ("edits", "Unicode NFC, line feeds, no control characters")


def print_steps(sources: Mapping[str, SourceParams], *, console: Console | None = None) -> None:
    """Sources with the same curation share its rows.

    Raises:
        UsageError: a step is not to be had, or a setting of it can't be.
    """
    console = console or Console()
    console.width = max(console.width, _MIN_WIDTH)
    console.print(steps_table(sources))


def steps_table(sources: Mapping[str, SourceParams]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("sources", "", "step", "does"):
        table.add_column(name, no_wrap=name in ("", "step"), overflow="fold", max_width=24 if name == "sources" else None)
    table.add_column("thresholds and what it is", overflow="fold")
    groups: dict[str, list[str]] = {}
    for name, source in sources.items():
        groups.setdefault(repr([spec.model_dump() for spec in source.curation]), []).append(name)
    for names in groups.values():
        steps = build_steps(sources[names[0]].curation)
        table.add_row(Text(f"{', '.join(names)}:", style="bold"), "1", NORMALISE, *_NORMALISE)
        for number, step in enumerate(steps, 2):
            table.add_row("", str(number), Text(step.name), does(step), Text(describe(step)))
    return table


def does(step: Step) -> str:
    """`measures 12, edits; costly: only what still stands`"""
    parts = [f"measures {len(step.rules)}"] if step.rules else []
    parts += ["edits"] if edits_text(step) else []
    return ", ".join(parts) + ("; costly: sees what still stands" if step.costly else "")


def describe(step: Step) -> str:
    """The thresholds that are on, or what the step is for where it has none."""
    thresholds = {name: value for name, value in thresholds_of(step).items() if value is not None}
    others = {name: "off" if value is None else value for name, value in _own_settings(step, thresholds).items()}
    shown = [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in (others | thresholds).items()]
    return ", ".join(shown) if thresholds else "; ".join([*shown, _summary(step)])


def _own_settings(step: Step, thresholds: Mapping[str, object]) -> dict[str, object]:
    """Settings that are no thresholds and not as they are by default."""
    if step.rule_set is None:
        return {}
    values = {name: getattr(step.rule_set, name) for name in step.rule_set.model_fields_set if name not in thresholds}
    return {name: ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value for name, value in values.items()}


def _summary(step: Step) -> str:
    """The first sentence of the documentation of its class."""
    text = inspect.getdoc(type(step.rule_set)) if step.rule_set else ""
    return (text or "").split("\n\n")[0].replace("\n", " ").rstrip(".")
