"""`tenfold init`: a config from a look at a user's files."""

import os
import shlex
from dataclasses import dataclass

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import storage
from pipeline.config import RunConfig
from pipeline.params import UsageError
from pipeline.survey.draft import Drafts, draft_sources
from pipeline.survey.listing import Listing, list_paths
from pipeline.survey.page import Entry, config_text, mixed_sources, sequence_length, shown, size
from pipeline.survey.places import find_places
from pipeline.survey.sample import MAX_SAMPLED_FILES
from pipeline.survey.trial import try_steps

# Shards that are opened in all, so that a survey of a hundred folders takes no longer than one of a few.
_MAX_OPENED_SHARDS = 200


@dataclass(frozen=True)
class Survey:
    """What was found, and the config for it."""

    entries: list[Entry]
    skipped: list[str]
    text: str


def survey(paths: list[str], *, output: str, workdir: str | None) -> Survey:
    """Looks at the files below the paths and drafts a config; writes nothing.

    Raises:
        UsageError: a path can't be looked at, or holds nothing that a reader knows.
    """
    listing = list_paths(paths)
    places = find_places(listing.roots)
    drafts = draft_sources(places, num_files=max(1, min(MAX_SAMPLED_FILES, _MAX_OPENED_SHARDS // max(1, len(places)))))
    if not drafts.drafts:
        raise UsageError(_nothing(listing, drafts))
    entries = [Entry(draft, try_steps(draft)) for draft in drafts.drafts]
    if not mixed_sources(entries, sequence_length(entries)):
        names = ", ".join(f"{entry.draft.name} ({entry.draft.what})" for entry in entries)
        raise UsageError(f"{', '.join(paths)}: too little text for a single sequence of tokens in {names}: give more, or other files")
    skipped = [*drafts.skipped, *(f"{path}: permission denied or gone" for path in listing.unreadable)]
    skipped += [
        f"{root.path}: more files than are looked at; the sizes above are of those that were" for root in listing.roots if not root.is_whole
    ]
    call = shlex.join(["tenfold", "init", *paths])
    text = config_text(entries, workdir=workdir or _workdir(listing), call=call, path=shown(output), skipped=skipped)
    RunConfig.model_validate(yaml.safe_load(text))
    return Survey(entries, skipped, text)


def check_output(path: str, *, overwrite: bool) -> None:
    """Raises UsageError: the file is there and not to be overwritten, or its folder is not."""
    if storage.exists(path) and not overwrite:
        raise UsageError(f"{path} is there already: give another name with --output, or --force to overwrite it")
    if not storage.is_folder(os.path.dirname(path) or "."):
        raise UsageError(f"{path}: there is no folder {os.path.dirname(path)}")


def print_survey(found: Survey, output: str, *, console: Console | None = None) -> None:
    """A line a source, what was left out, and what to do next."""
    console = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("source", "left"), ("kind", "left"), ("what", "left"), ("text", "right"), ("sample kept", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for entry in found.entries:
        kept = f"{entry.curation.kept_fraction:.0%}" if entry.curation.num_documents else "-"
        table.add_row(entry.draft.name, entry.draft.kind, entry.draft.what, size(entry.draft.text_bytes), kept)
    console.print(table)
    for line in found.skipped:
        console.print(Text(f"left out: {line}", style="yellow"), soft_wrap=True)
    console.print(Text(f"{output} is written: read it over, then `tenfold run {shown(output)}`"), soft_wrap=True)


def _workdir(listing: Listing) -> str:
    """`run` here, or beside the first of the paths that hold this folder: a workdir inside a source would be read."""
    here = os.path.join(os.getcwd(), "run")
    holders = [root.path for root in listing.roots if f"{here}/".startswith(f"{root.path.rstrip('/')}/")]
    return here if not holders else f"{min(holders, key=len).rstrip('/')}-run"


def _nothing(listing: Listing, drafts: Drafts) -> str:
    paths = ", ".join(root.path for root in listing.roots)
    if drafts.skipped:
        return f"{paths}: nothing that can be read:\n" + "\n".join(drafts.skipped)
    endings: dict[str, int] = {}
    for root in listing.roots:
        for folder in root.walk():
            for file in folder.files:
                ending = os.path.splitext(file.name)[1] or "no ending"
                endings[ending] = endings.get(ending, 0) + 1
    most = sorted(endings.items(), key=lambda item: -item[1])[:5]
    found = ", ".join(f"{count:,} with {ending}" for ending, count in most)
    known = "Known are Parquet, JSON lines (.jsonl, also packed), archives (.zip, .tar.gz, ...) and folders of source files"
    return f"{paths}: nothing that a reader knows (files: {found}). {known}"
