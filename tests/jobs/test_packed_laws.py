"""The laws of pack, recounted from sequences of several mixtures with pyarrow and plain Python alone."""

import hashlib
import itertools
import shutil
import struct
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from array_record.python.array_record_module import ArrayRecordReader

from tests.conftest import Run, Tenfold
from tests.corpus import mixture, write_config
from tests.jobs.datasets import Datasets
from tests.jobs.workdirs import manifest

LATER = mixture(archives=1, stdlib=1, trees=1, web=1, notes=5)["groups"]
EARLIER: dict[str, Any] = {"code": {"weight": 3, "sources": {"stdlib": 2, "archives": 1}}, "text": {"weight": 2, "sources": {"web": 1}}}
CONFIGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "two phases, one without some of the sources": {
        "mixture": {
            "phases": [{"name": "first", "fraction": 0.3, "groups": EARLIER}, {"name": "last", "fraction": 0.7, "groups": LATER}],
            "total_tokens": 150_000,
            "max_epochs": 3,
        }
    },
    "fewer sequences than sources": {
        "mixture": mixture(archives=1, stdlib=5, trees=1, web=1, notes=1) | {"total_tokens": 800},
        "packing": {"sequence_length": 192, "parquet": True},
    },
    "no marks between documents, many epochs": {
        "mixture": mixture(archives=1, stdlib=1, trees=9, web=1, notes=1) | {"max_epochs": 6.5},
        "packing": {"sequence_length": 97, "sequences_per_shard": 1000, "add_bos": False, "add_eos": False},
    },
}


@pytest.fixture(scope="module", params=CONFIGS)
def data(request: pytest.FixtureRequest, whole: Run, tenfold: Tenfold, tmp_path_factory: pytest.TempPathFactory) -> Datasets:
    folder = tmp_path_factory.mktemp("packed")
    values = whole.values | CONFIGS[request.param] | {"workdir": str(folder / "run")}
    shutil.copytree(whole.workdir, folder / "run")
    tenfold.run(write_config(folder / "config.yaml", values))
    return Datasets(folder / "run", values)


def test_every_run_of_a_document_in_the_stream_is_bos_its_tokens_and_eos_once(data: Datasets) -> None:
    """And of every epoch but a source's last one, every document's."""
    tokens = np.array([row["tokens"] for row in data.sequences])
    ends: Counter[int] = Counter()
    runs: dict[tuple[str, int, int], list[tuple[int, list[int]]]] = defaultdict(list)
    for segment in data.segments:
        sequence, start = segment["sequence"], ends[segment["sequence"]]
        ends[sequence] += segment["num_tokens"]
        run = tokens[sequence, start : ends[sequence]].tolist()
        runs[segment["source"], segment["epoch"], segment["id"]].append((segment["token_start"], run))
    assert set(ends.values()) == {data.sequence_length}

    num_cut: Counter[str] = Counter()
    last_epoch: Counter[str] = Counter()
    for source, epoch, _ in runs:
        last_epoch[source] = max(epoch, last_epoch[source])
    for (source, epoch, id), parts in runs.items():
        assert data.tokens[id]["source"] == source
        expected = data.run(id)
        found: list[int] = []
        for start, run in sorted(parts):
            assert start == len(found), "a hole, or a token twice"
            found += run
        if found != expected:
            assert epoch == last_epoch[source]
            assert found == expected[: len(found)]
            num_cut[source] += 1
    assert all(count == 1 for count in num_cut.values()), "only the run at the end of a source's stream may be cut"
    for source, last in last_epoch.items():
        everything = {id for id, row in data.tokens.items() if row["source"] == source}
        for epoch in range(last):
            assert {id for name, number, id in runs if (name, number) == (source, epoch)} == everything


def test_each_sequence_holds_the_documents_of_one_source(data: Datasets) -> None:
    sources = defaultdict(set)
    for segment in data.segments:
        sources[segment["sequence"]].add(segment["source"])
    assert sources == {row["sequence"]: {row["source"]} for row in data.sequences}


def test_no_source_is_ever_a_sequence_away_from_its_share(data: Datasets) -> None:
    behind = dict.fromkeys(data.phases[0], Fraction(0))
    for row in data.sequences:
        for source, share in data.phases[row["phase"]].items():
            behind[source] += share
        behind[row["source"]] -= 1
        assert all(abs(count) < 1 for count in behind.values()), row["sequence"]


def test_the_stream_is_as_long_as_the_config_says_or_as_long_as_a_source_lasts(data: Datasets) -> None:
    mixture, binds = data.values["mixture"], manifest(data.workdir, "sequences")["deviation"]["binds"]
    phases = Counter(row["phase"] for row in data.sequences)
    if "total_tokens" in mixture:
        total = mixture["total_tokens"] // data.sequence_length
        ends = itertools.accumulate(Fraction(str(phase["fraction"])) for phase in mixture.get("phases", [{"fraction": 1}]))
        assert binds is None
        assert list(itertools.accumulate(phases[phase] for phase in sorted(phases))) == [int(total * end) for end in ends]
    else:
        caps = {"trees": Fraction("3.5")}
        most = {source: int(stock * caps.get(source, Fraction(str(mixture["max_epochs"])))) for source, stock in data.stocks.items()}
        assert data.num_sequences[binds] == most[binds] // data.sequence_length
        assert all(data.num_sequences[source] <= most[source] // data.sequence_length for source in most)


def test_sequences_are_in_order_and_a_record_of_arrayrecord_is_the_row_of_parquet(data: Datasets) -> None:
    assert [row["sequence"] for row in data.sequences] == list(range(len(data.sequences)))
    names = manifest(data.workdir, "sequences")["sources"]
    lengths = defaultdict(list)
    for segment in data.segments:
        assert segment["segment"] == len(lengths[segment["sequence"]])
        lengths[segment["sequence"]].append(segment["num_tokens"])
    for record, row in zip(data.records, data.sequences, strict=True):
        version, flags, size, num_segments, source, phase = struct.unpack_from("<HHIIHH", record)
        found = struct.unpack_from(f"<{num_segments}I{size}H", record, 16)
        assert (version, flags, size, phase) == (1, 0, data.sequence_length, row["phase"])
        assert len(record) == 16 + 4 * num_segments + 2 * size
        assert names[source] == row["source"]
        assert list(found[:num_segments]) == row["segment_lengths"] == lengths[row["sequence"]]
        assert list(found[num_segments:]) == row["tokens"]


def test_runs_lie_end_to_end_in_each_sources_stream(data: Datasets) -> None:
    described = manifest(data.workdir, "runs")
    units = manifest(data.workdir, "tokens")["units"]
    intervals: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for file in described["files"]:
        for row in pq.read_table(data.workdir / "runs" / file["name"]).to_pylist():
            size = len(data.run(row["id"]))
            intervals[units[file["item"]]] += [(start, start + size) for start in row["starts"] if start >= 0]
    assert {source for source, found in intervals.items() if found} == set(data.num_sequences)
    for source, found in intervals.items():
        if not found:
            continue
        found.sort()
        assert found[0][0] == 0
        assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(found))
        end = data.sequence_length * data.num_sequences[source]
        assert found[-1][0] < end <= found[-1][1]


def test_manifests_name_every_file_with_its_rows_bytes_and_checksum(data: Datasets) -> None:
    for path in sorted(data.workdir.glob("*/manifest.json")):
        described = manifest(data.workdir, path.parent.name)
        assert {file["name"] for file in described["files"]} | {path.name} == {entry.name for entry in path.parent.iterdir()}
        for file in described["files"]:
            whole = path.parent / file["name"]
            assert whole.stat().st_size == file["num_bytes"]
            assert hashlib.sha256(whole.read_bytes()).hexdigest() == file["sha256"]
            if whole.suffix == ".parquet":
                assert pq.read_metadata(whole).num_rows == file["num_rows"]
            if whole.suffix == ".arrayrecord":
                assert ArrayRecordReader(str(whole)).num_records() == file["num_rows"]


def test_counts_are_what_the_rows_add_up_to(data: Datasets) -> None:
    tokenized, packed = manifest(data.workdir, "tokens")["counts"], manifest(data.workdir, "sequences")["counts"]
    num_packed: Counter[str] = Counter()
    for segment in data.segments:
        num_packed[segment["source"]] += segment["num_tokens"]
    for source in data.phases[0]:
        mine = [row for row in data.tokens.values() if row["source"] == source]
        assert tokenized[source]["num_documents"] == len(mine)
        assert tokenized[source]["num_tokens"] == sum(row["num_tokens"] for row in mine)
        plan = packed["sources"][source]
        assert plan["trainable_tokens"] == data.stocks[source]
        assert plan["num_sequences"] == data.num_sequences[source]
        stream = plan["trainable_tokens"] * plan["whole_epochs"] + plan["prefix_tokens"]
        assert stream == num_packed[source] + plan["tail_tokens"]
        assert num_packed[source] == plan["num_sequences"] * data.sequence_length == packed["tokens"][source]
        assert 0 <= plan["tail_tokens"] < data.sequence_length
        assert 0 <= plan["prefix_tokens"] < plan["trainable_tokens"]
