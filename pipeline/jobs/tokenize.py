"""tokenize: the survivors' texts to `tokens/`; before it, the tokenizer, trained on a sample of them or taken from a file."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline import manifest, schema, storage
from pipeline.config import RunConfig
from pipeline.dedup.signatures import repository_hashes
from pipeline.dedup.texts import SurvivingTexts
from pipeline.hashing import luck
from pipeline.jobs.engine import Deal
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, stands
from pipeline.laws import check_tokenized
from pipeline.manifest import Manifest, totals
from pipeline.params import RunError, UsageError
from pipeline.shards import committing, sha256
from tokenization.encode import Tokenizer
from tokenization.train import sample_shares, sample_threshold, train_tokenizer

JOB, TRAIN = "tokenize", "tokenizer"
VERSION = 2
LIBRARIES = ("sentencepiece", "pyarrow", "numpy")


def run(space: Workspace) -> None:
    """Makes the tokenizer, then tokenizes every unit that is not done, then writes the manifests.

    Raises:
        RunError: an earlier job did not run; a law does not hold.
        UsageError: the tokenizer can't be trained or read.
    """
    config, workdir = space.config, space.workdir
    texts = load_texts(space)
    documents, survivors = texts.documents, texts.survivors
    if not any(counts.get("num_survivors") for counts in survivors.counts.values()):
        raise UsageError(
            "no source has a document left: the column reason of decisions/ says which steps of the curation dropped "
            "them; loosen these, or look at the sources' paths"
        )
    tokenizer = make_tokenizer(space, texts)
    model = tokenizer.path(workdir, TRAIN)
    units = documents.extra["units"]
    inputs = {unit: [*texts.checksums(unit), tokenizer.extra["sha256"]] for unit in documents.by_item}
    fingerprints = {unit: job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=own) for unit, own in inputs.items()}
    text_bytes = {unit: file.num_bytes for unit, file in documents.by_item.items()}
    items = [Item(JOB, unit, name, text_bytes[unit]) for unit, name in fingerprints.items()]
    pending = [unit for unit, name in fingerprints.items() if not stands(workdir, JOB, unit, name)]
    with space.progress(JOB, items):
        if pending:
            largest_first = sorted(pending, key=lambda unit: (-text_bytes[unit], unit))
            work = TokenizeUnits(texts, model=model, fingerprints=fingerprints)
            kept = sum(counts.get("kept_bytes", 0) for counts in documents.counts.values())
            space.engine.run(lambda p: p | Deal(largest_first) | beam.ParDo(work), job=JOB, workdir=workdir, text_bytes=kept)
    done = collect(workdir, JOB, fingerprints.items())
    counts = totals(done, units)
    for source in config.sources:
        check_tokenized(source, survivors.counts[source], counts.setdefault(source, {}))
    whole = {
        "fingerprint": job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=sorted(fingerprints.items())),
        "params": config.tokenizer.model_dump(mode="json", exclude={"model"}),
        "counts": counts,
        "extra": {"units": units, "tokenizer": tokenizer.extra},
    }
    commit_datasets(workdir, JOB, ["tokens"], done=done, whole=whole)


def load_texts(space: Workspace) -> SurvivingTexts:
    """
    Raises:
        RunError: an earlier job did not run, or ran on other documents.
    """
    texts = SurvivingTexts(space.workdir, space.load("documents"), manifest.load(space.workdir, "cuts"), space.load("survivors"))
    if texts.survivors.extra["curate"] != texts.documents.fingerprint or texts.survivors.extra["cuts"] != texts.cuts.fingerprint:
        raise RunError(f"{space.workdir}: survivors/ was made from other documents/ than these: run dedupe again (tenfold run CONFIG does)")
    return texts


def make_tokenizer(space: Workspace, texts: SurvivingTexts) -> Manifest:
    """The `tokenizer/` dataset: one model file, and what it says of itself."""
    config, workdir = space.config, space.workdir
    inputs: list[Any] = [config.tokenizer.model_dump(mode="json", exclude={"model"}), config.seed]
    if config.tokenizer.model:
        inputs.append(_checksum(config.tokenizer.model))
    else:
        inputs += [[file.origin for file in found.files] for found in (texts.documents, texts.cuts, texts.survivors)]
    name = job_fingerprint(TRAIN, VERSION, libraries=LIBRARIES, inputs=inputs)
    with space.progress(TRAIN, [Item(TRAIN, TRAIN, name)]):
        if not stands(workdir, TRAIN, TRAIN, name):
            work = MakeTokenizer(config, texts, fingerprint=name)
            space.engine.run(lambda p: p | beam.Create([None]) | beam.ParDo(work), job=TRAIN, workdir=workdir, text_bytes=0)
    done = collect(workdir, TRAIN, [(TRAIN, name)])
    whole = {"fingerprint": name, "params": config.tokenizer.model_dump(mode="json", exclude={"model"}), "extra": done[0].counts}
    return commit_datasets(workdir, TRAIN, ["tokenizer"], done=done, whole=whole)["tokenizer"]


class MakeTokenizer(beam.DoFn):
    """One worker: trains the model, or copies the one that is given; either way it stands in the workdir."""

    def __init__(self, config: RunConfig, texts: SurvivingTexts, *, fingerprint: str) -> None:
        self._config, self._texts, self._fingerprint = config, texts, fingerprint

    def process(self, _: None) -> Iterator[str]:
        params, workdir = self._config.tokenizer, self._config.workdir
        if params.model:
            model = storage.read_bytes(params.model)
        else:
            model = train_tokenizer(sample(self._config, self._texts), params)
        tokenizer = Tokenizer(model, params.model or "the trained model")
        with committing(workdir, TRAIN, item=TRAIN, fingerprint=self._fingerprint) as outputs:
            with open(outputs.file("tokenizer", ".model").path, "wb") as stream:
                stream.write(model)
            own = {"sha256": tokenizer.sha256, "vocab_size": tokenizer.vocab_size, "special_ids": tokenizer.special_ids}
            outputs.counts.update(own, is_trained=params.model is None)
        yield TRAIN


def sample(config: RunConfig, texts: SurvivingTexts) -> Iterator[str]:
    """The texts to train on: of each source those of the lowest luck, in the order of the units."""
    by_source: dict[str, list[str]] = {source: [] for source in config.sources}
    for unit, source in texts.documents.extra["units"].items():
        by_source[source].append(unit)
    stock = {source: _stock(texts, units) for source, units in by_source.items()}
    sizes = {source: int(num_bytes.sum()) for source, (_, num_bytes) in stock.items()}
    shares = sample_shares(sizes, config.tokenizer)
    for source, units in by_source.items():
        bound = sample_threshold(*stock[source], seed=config.seed, sample_bytes=shares[source]) if shares[source] else 0
        for unit in units:
            for batch in texts.read(unit, ["id", "text"]):
                chosen = [int(draw) < bound for draw in luck(config.seed, "tokenizer", batch["id"].to_numpy())]
                yield from batch["text"].filter(pa.array(chosen, pa.bool_())).drop_null().to_pylist()  # null: purged


def _stock(texts: SurvivingTexts, units: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The survivors' ids uint64 [n], and num_bytes int64 [n]."""
    batches = [batch for unit in units for batch in texts.read(unit, ["id", "num_bytes"])]
    ids, num_bytes = ([batch[name].to_numpy() for batch in batches] for name in ("id", "num_bytes"))
    return np.concatenate([np.empty(0, np.uint64), *ids]), np.concatenate([np.empty(0, np.int64), *num_bytes])


class TokenizeUnits(beam.DoFn):
    """Unit -> its name, once its tokens are committed."""

    def __init__(self, texts: SurvivingTexts, *, model: str, fingerprints: dict[str, str]) -> None:
        self._texts, self._model, self._fingerprints = texts, model, fingerprints

    def setup(self) -> None:
        self._tokenizer = Tokenizer(storage.read_bytes(self._model), self._model)

    def process(self, unit: str) -> Iterator[str]:
        with committing(self._texts.workdir, JOB, item=unit, fingerprint=self._fingerprints[unit]) as outputs:
            shard = outputs.parquet("tokens", schema.tokens(self._tokenizer.token_type))
            counts = dict.fromkeys(("num_documents", "num_bytes", "num_tokens"), 0)
            columns = ["id", "text", "num_bytes", "repository", "language"]
            for batch in self._texts.read(unit, columns):
                made = tokenize(batch, self._tokenizer)
                shard.write(made)
                counts["num_documents"] += made.num_rows
                counts["num_bytes"] += int(made["num_bytes"].to_numpy().sum())
                counts["num_tokens"] += int(made["num_tokens"].to_numpy().sum())
            outputs.counts.update(counts)
        yield unit


def tokenize(batch: pa.RecordBatch, tokenizer: Tokenizer) -> pa.RecordBatch:
    """schema.tokens of a batch of documents with their component."""
    encoded = tokenizer.encode(batch["text"])
    if batch["text"].null_count:  # a purged text has no tokens, which is not none of them
        encoded = pa.ListArray.from_arrays(encoded.offsets, encoded.values, mask=batch["text"].is_null())
    columns = {name: batch[name] for name in ("id", "num_bytes", "component", "language")} | {
        "tokens": encoded,
        "num_tokens": encoded.value_lengths().fill_null(0),
        "repository": repository_hashes(batch["repository"]),
    }
    wanted = schema.tokens(tokenizer.token_type)
    return pa.RecordBatch.from_arrays([columns[name] for name in wanted.names], schema=wanted)


def _checksum(file: str) -> str:
    if not storage.is_file(file):
        raise UsageError(f"tokenizer.model: {file} is no file; give a SentencePiece .model, or leave it out to train one")
    return sha256(file)
