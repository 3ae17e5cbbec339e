"""The command line. Heavy imports stand where they are used: `tenfold --help` answers at once."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import LawBroken, RunError, UsageError

if TYPE_CHECKING:
    from pipeline.jobs.workspace import Workspace

app = typer.Typer(
    help="Raw code and text shards into packed training sequences, in an exact mixture of tokens.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

benchmarks = typer.Typer(help="Indexes of benchmarks, for the step `decontaminate`.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(benchmarks, name="benchmarks")
classifier = typer.Typer(help="Classifiers of quality, for the step `quality`.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(classifier, name="classifier")

Config = Annotated[str, typer.Argument(help="a YAML config, such as mixtures/demo.yaml", metavar="CONFIG")]
Folder = Annotated[str, typer.Argument(help="the workdir of a run", metavar="WORKDIR")]
Workdir = Annotated[str | None, typer.Option(help="in place of the config's workdir")]
Workers = Annotated[int | None, typer.Option(min=1, help="worker processes here; by default one a core, or one for less than 32 MB")]
Flags = Annotated[list[str] | None, typer.Argument(help="Beam's own options, after --", metavar="[-- BEAM OPTIONS]")]

JOBS = ("curate", "dedupe", "tokenize", "pack")


@app.command()
def init(
    paths: Annotated[list[str], typer.Argument(help="files and folders: shards, archives, repositories", metavar="PATH...")],
    output: Annotated[str, typer.Option(help="the config to write")] = "tenfold.yaml",
    workdir: Annotated[str | None, typer.Option(help="of the run; by default `run` in this folder")] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite a config that is there")] = False,
) -> None:
    """Looks at your files and writes a config for them that runs, with a comment at every guess."""
    from pipeline import storage
    from pipeline.survey.init import check_output, print_survey, survey

    check_output(output, overwrite=force)
    found = survey(paths, output=output, workdir=workdir)
    storage.write_bytes(output, found.text.encode())
    print_survey(found, output)


@app.command()
def run(config: Config, flags: Flags = None, workdir: Workdir = None, workers: Workers = None) -> None:
    """All jobs, then the report. What an earlier run did is not done again."""
    space = _workspace(config, workdir, workers, flags)
    for job in JOBS:
        _job(job)(space)
    _write_report(space.workdir)


@app.command()
def curate(config: Config, flags: Flags = None, workdir: Workdir = None, workers: Workers = None) -> None:
    """Raw shards to documents/, decisions/ and signatures/."""
    _job("curate")(_workspace(config, workdir, workers, flags))


@app.command()
def dedupe(config: Config, flags: Flags = None, workdir: Workdir = None, workers: Workers = None) -> None:
    """signatures/ of all sources to survivors/."""
    _job("dedupe")(_workspace(config, workdir, workers, flags))


@app.command()
def tokenize(config: Config, flags: Flags = None, workdir: Workdir = None, workers: Workers = None) -> None:
    """The survivors to tokens/, with a tokenizer trained on them or given."""
    _job("tokenize")(_workspace(config, workdir, workers, flags))


@app.command()
def pack(config: Config, flags: Flags = None, workdir: Workdir = None, workers: Workers = None) -> None:
    """tokens/ and the mixture to sequences/ in training order, and segments/."""
    _job("pack")(_workspace(config, workdir, workers, flags))


@app.command()
def plan(config: Config, workdir: Workdir = None) -> None:
    """The steps of each source, what it has, what the mixture takes, how many epochs that is, what binds. Packs nothing."""
    from pipeline import manifest, storage
    from pipeline.config import load_config
    from pipeline.report.plan import plan_mixture, print_budget
    from pipeline.report.plan_steps import print_steps

    loaded = load_config(config, workdir=workdir)
    print_steps(loaded.sources)
    typer.echo()
    if not storage.exists(manifest.path(loaded.workdir, "tokens")):
        typer.echo(f"What each source gives, in epochs, and what binds: after `tenfold tokenize {config}`, which counts the tokens.")
        return
    budget, removed = plan_mixture(loaded)
    print_budget(budget, loaded.packing.sequence_length, removed=removed)


@app.command()
def rethreshold(
    workdir: Folder,
    thresholds: Annotated[
        list[str],
        typer.Argument(help="STEP.THRESHOLD=VALUE or SOURCE.STEP.THRESHOLD=VALUE: a number, none, or 30%", metavar="THRESHOLD=VALUE..."),
    ],
) -> None:
    """What other thresholds of curation would keep, from decisions/ alone. Changes nothing."""
    from pipeline.report.rethreshold import rethreshold as ask
    from pipeline.report.rethreshold_table import print_answers

    print_answers(ask(workdir, thresholds))


@app.command()
def report(workdir: Folder) -> None:
    """Writes report.html and stats.json from the datasets."""
    _write_report(workdir)


@app.command()
def explain(
    workdir: Folder,
    document: Annotated[int | None, typer.Option(help="its id, as decisions/ and survivors/ have it", metavar="ID")] = None,
    path: Annotated[str | None, typer.Option(help="its path; * and ? stand for any characters", metavar="PATH")] = None,
    lines: Annotated[int, typer.Option(min=0, help="how many lines of text to show")] = 40,
) -> None:
    """A document's story: what each rule measured, why it stayed or went, and the document that it duplicates, side by side."""
    from rich.console import Console

    from pipeline.report.explain import find
    from pipeline.report.explain_print import print_story

    if (document is None) == (path is None):
        raise UsageError("explain: give one of --document ID and --path PATH")
    console = Console()
    for story in find(workdir, id=document, path=path):
        print_story(story, console=console, max_lines=lines)


@app.command()
def verify(workdir: Folder) -> None:
    """Checks every file and every law again, from disk. Exit status 1: something does not hold."""
    from pipeline.report.verify import verify as check

    faults = check(workdir, progress=typer.echo)
    for fault in faults:
        typer.secho(fault, err=True, fg="red")
    typer.echo(f"{len(faults)} faults" if faults else "everything holds")
    raise typer.Exit(1 if faults else 0)


@app.command()
def purge(workdir: Folder) -> None:
    """Deletes the text and tokens of the documents that opt-out lists name, after pack has left them out."""
    from pipeline.jobs.purge import purge as empty

    empty(workdir, progress=typer.echo)


@app.command()
def train(
    config: Config,
    workdir: Workdir = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the last checkpoint")] = False,
) -> None:
    """Trains the bundled model on sequences/."""
    from pipeline.config import load_config

    loaded = load_config(config, workdir=workdir)
    from trainer.train import train as fit

    output = os.path.join(loaded.workdir, "training")
    fit(loaded.trainer, sequences=os.path.join(loaded.workdir, "sequences"), output=output, resume=resume)
    typer.echo(f"checkpoints and metrics.jsonl: {output}")


@app.command()
def schema() -> None:
    """The JSON Schema of a config, for an editor to complete it."""
    import json

    from pipeline.config import RunConfig

    typer.echo(json.dumps(RunConfig.model_json_schema(), indent=2))


@benchmarks.command()
def build(
    out: Annotated[str, typer.Argument(help="the index to write", metavar="OUT")],
    files: Annotated[list[str], typer.Argument(help="the benchmark's JSON lines, plain or packed", metavar="FILE...")],
    preset: Annotated[str | None, typer.Option(help="field names of: humaneval, mbpp, gsm8k, mmlu, apps, ds1000")] = None,
    name: Annotated[str | None, typer.Option(help="the benchmark's; its items are NAME/ID")] = None,
    kind: Annotated[str | None, typer.Option(help="code | prose: what its tokens are")] = None,
    fields: Annotated[str | None, typer.Option(help="strings to look for: prompt,question+choices,meta.text,solutions[]")] = None,
    long_fields: Annotated[str | None, typer.Option(help="strings to look for if they are as long as an n-gram")] = None,
    id: Annotated[str | None, typer.Option(help="the field that names an item; by default its line does")] = None,
    ngram_tokens: Annotated[int | None, typer.Option(help="tokens of an n-gram")] = None,
    min_short_tokens: Annotated[int | None, typer.Option(help="tokens of the shortest string to look for as a whole")] = None,
    max_items: Annotated[int | None, typer.Option(help="an n-gram in more items is boilerplate and left out")] = None,
) -> None:
    """Makes the index of a benchmark's n-grams, and prints its card."""
    from pipeline.curation.benchmark_index import build_index, index_params
    from pipeline.curation.benchmark_items import benchmark_params

    own = {key: value.split(",") for key, value in {"fields": fields, "long_fields": long_fields, "id": id}.items() if value}
    benchmark = benchmark_params(preset, name=name, kind=kind, **own)
    params = index_params(ngram_tokens=ngram_tokens, min_short_tokens=min_short_tokens, max_items=max_items)
    _print_card(build_index(files, out, benchmark=benchmark, params=params))


@benchmarks.command()
def show(index: Annotated[str, typer.Argument(help="a file that `benchmarks build` wrote", metavar="INDEX")]) -> None:
    """Prints an index's card: what is in it, and what it was made of."""
    from pipeline.curation.benchmark_index import read_card

    _print_card(read_card(index))


@classifier.command("train")
def train_classifier(
    good: Annotated[list[str], typer.Option(help="good documents: a file or folder that the readers know; may be given again")],
    bad: Annotated[list[str], typer.Option(help="bad documents, in the same way")],
    output: Annotated[str, typer.Option(help="the model to write; its card goes beside it")],
    seed: Annotated[int | None, typer.Option(min=0, help="of the split and of the training")] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    dim: Annotated[int | None, typer.Option(min=1, help="numbers of a vector")] = None,
    ngram_words: Annotated[int | None, typer.Option(min=1, help="words of the longest n-gram")] = None,
    buckets: Annotated[int | None, typer.Option(min=1, help="that n-grams are hashed into; 4 x dim bytes each")] = None,
    min_count: Annotated[int | None, typer.Option(min=1, help="of a word that has a vector of its own")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.001, max=10)] = None,
) -> None:
    """Trains a fastText classifier on good and bad documents, and prints its scores on a tenth of them, held out."""
    from pipeline.classifier.table import print_card
    from pipeline.classifier.train import ClassifierParams
    from pipeline.classifier.train import train_classifier as fit

    given: dict[str, float | None] = {
        "seed": seed,
        "epochs": epochs,
        "dim": dim,
        "ngram_words": ngram_words,
        "buckets": buckets,
        "min_count": min_count,
    }
    given |= {"learning_rate": learning_rate}
    params = ClassifierParams.model_validate({name: value for name, value in given.items() if value is not None})
    print_card(fit(good, bad, output, params=params), output)


def _print_card(card: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(card, indent=2, ensure_ascii=False))


def main() -> None:
    """Exit status 0: done; 1: failed; 2: wrong usage or config; 130: stopped by Ctrl-C."""
    sys.path.append(os.getcwd())  # for a user's own rules; last, so that no file there hides a module
    with _errors():
        app()


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        _fail(error, 2)
    except LawBroken as error:
        _fail(f"{error}: no input may do this; it is a fault of Tenfold, please report it", 1)
    except (RunError, OSError) as error:
        _fail(error, 1)
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != 130:  # which typer makes of Ctrl-C
            raise
        typer.secho("stopped; the same command goes on from here", err=True, fg="yellow")
        _leave(130)


def _fail(error: Exception | str, status: int) -> None:
    typer.secho(f"error: {error}", err=True, fg="red")
    _leave(status)


def _leave(status: int) -> None:
    """At once: worker threads are of no more use, and what they have not committed was never there."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _workspace(config: str, workdir: str | None, workers: int | None, flags: list[str] | None) -> "Workspace":
    from rich.console import Console

    from pipeline.config import load_config

    loaded = load_config(config, workdir=workdir)
    engine, workspace = _jobs_module("engine"), _jobs_module("workspace")
    return workspace.Workspace(loaded, engine.Engine(tuple(flags or ()), workers), Console())  # type: ignore[no-any-return]


def _job(name: str) -> "Callable[[Workspace], None]":
    return _jobs_module(name).run  # type: ignore[no-any-return]


def _jobs_module(name: str) -> ModuleType:
    import importlib
    import logging

    logging.disable(logging.WARNING)  # while it is imported Beam warns of cloud clients that nobody asked for
    module = importlib.import_module(f"pipeline.jobs.{name}")
    logging.disable(logging.NOTSET)
    return module


def _write_report(workdir: str) -> None:
    from pipeline.report.page import write_report

    typer.echo(f"report: {write_report(workdir)}")


if __name__ == "__main__":
    main()
