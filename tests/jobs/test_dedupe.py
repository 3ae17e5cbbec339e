"""dedupe on a corpus of hard cases: right by brute force, and the same bytes however it is run."""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.config import RunConfig
from pipeline.jobs import curate, dedupe
from pipeline.jobs.engine import Engine
from pipeline.jobs.workspace import Workspace
from tests.dedup.reference import edited, first_independent_set, jaccard, shingle_set, source_files
from tests.jobs.workdirs import assert_same, manifest

NEAR = {"num_permutations": 63, "bands": 21, "rows": 3, "max_bucket": 200}


class Inline(Engine):
    """As an engine with a shuffle of its own: blocks travel as they are, and no folder is shared."""

    def spill_folder(self, workdir: str, job: str) -> str | None:
        return None


def _texts() -> list[str]:
    pieces = ["\n".join(lines[i : i + 60]) for lines in map(str.splitlines, source_files()) for i in range(0, len(lines), 60)][:60]
    versions = [edited(piece, edit_fraction=0.02 * k, seed=k) for k in range(1, 8) for piece in pieces[::6]]
    headed = [f"{pieces[0]}\n{piece}" for piece in pieces[1:40]]
    short = ["x", "y", "x x x x x x", "return None", "return 1", "", " \n\t ", " \n\n\t  ", "{}", "{ }"]
    return [*pieces, *versions, *headed, *short, *["copied = 1\n" * 9] * 50, *["x"] * 3]


def _config(source: Path, workdir: Path, **dedup: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "workdir": str(workdir),
            "unit_bytes": 1 << 16,
            "sources": {"texts": {"path": str(source), "kind": "code"}},
            "dedup": {"near": NEAR} | dedup,
            "mixture": {"groups": {"all": {"weight": 1, "sources": {"texts": 1}}}},
        }
    )


def _run(config: RunConfig, engine: Engine, jobs: tuple[Any, ...] = (dedupe,)) -> Path:
    for job in jobs:
        job.run(Workspace(config, engine, Console(quiet=True)))
    return Path(config.workdir)


@dataclass(frozen=True)
class Case:
    source: Path
    curated: Path
    deduped: Path


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("dedupe")
    source = folder / "texts"
    source.mkdir()
    texts = _texts()
    for part in range(4):
        lines = [json.dumps({"text": text}) + "\n" for text in texts[part::4]]
        (source / f"{part}.jsonl").write_text("".join(lines))
    curated = _run(_config(source, folder / "curated"), Engine(workers=1), (curate,))
    deduped = shutil.copytree(curated, folder / "deduped")
    return Case(source, curated, _run(_config(source, deduped), Engine(workers=1)))


def _rows(workdir: Path, dataset: str) -> list[dict[str, Any]]:
    files = manifest(workdir, dataset)["files"]
    return [row for file in files for row in pq.read_table(workdir / dataset / file["name"]).to_pylist()]


@pytest.mark.parametrize(
    ("engine", "dedup"),
    [(Engine(workers=2), {}), (Inline(workers=1), {}), (Engine(workers=1), {"max_sorted_pairs": 7})],
    ids=["two processes", "inline blocks", "external sort"],
)
def test_the_bytes_are_the_same_however_it_is_run(case: Case, tmp_path: Path, engine: Engine, dedup: dict[str, Any]) -> None:
    workdir = shutil.copytree(case.curated, tmp_path / "run")
    _run(_config(case.source, workdir, **dedup), engine)
    assert_same(workdir, case.deduped)


@pytest.mark.parametrize("cluster", ["representative", "component"])
def test_fates_are_those_of_exact_similarities_of_all_candidates(case: Case, tmp_path: Path, cluster: str) -> None:
    workdir = shutil.copytree(case.curated, tmp_path / "run")
    _run(_config(case.source, workdir, cluster=cluster), Engine(workers=1))
    rows = [a | b | c for a, b, c in zip(*(_rows(workdir, name) for name in ("survivors", "nodes", "documents")), strict=True)]
    rows.sort(key=lambda row: row["rank"])
    sets = [shingle_set(row["text"]) for row in rows]
    exact = {(pair["high"], pair["low"]): jaccard(sets[pair["high"]], sets[pair["low"]]) for pair in _rows(workdir, "pairs")}
    verified = {(pair["high"], pair["low"]): pair["similarity"] for pair in _rows(workdir, "verified")}
    assert len(verified) > 100
    assert verified == pytest.approx({pair: exact[pair] for pair in verified})
    edges = {pair: similarity for pair, similarity in exact.items() if similarity >= 0.7}
    if cluster == "component":
        component = list(range(len(rows)))
        for high, low in sorted(edges) * 5:
            component[high] = component[low] = min(component[high], component[low])
        stays = [component[row["node"]] == row["rank"] for row in rows]
    else:
        fates = first_independent_set(len(rows), edges)
        stays = [row["node"] == row["rank"] and fates[row["rank"]][0] is None for row in rows]
    assert [row["kept"] for row in rows] == stays
    assert sum(row["is_exact"] for row in rows) > 20
    assert len({row["id"] for row in rows if row["kept"]}) == sum(stays)


def test_a_similarity_that_is_exact_is_that_of_the_texts(case: Case) -> None:
    texts = {row["id"]: row["text"] for row in _rows(case.deduped, "documents")}
    rows = [row for row in _rows(case.deduped, "survivors") if row["is_exact"]]
    assert rows
    for row in rows:
        similarity = jaccard(shingle_set(texts[row["id"]]), shingle_set(texts[row["duplicate_of"]]))
        assert row["similarity"] == pytest.approx(similarity)
        assert similarity >= 0.7


def test_copies_are_counted_and_short_and_blank_texts_fall_to_their_likes_alone(case: Case) -> None:
    texts = {row["id"]: row["text"] for row in _rows(case.deduped, "documents")}
    counted = Counter(texts.values())
    survivors = _rows(case.deduped, "survivors")
    kept = Counter(texts[row["id"]] for row in survivors if row["kept"])
    assert all(row["copies"] == counted[texts[row["id"]]] for row in survivors)
    assert kept["copied = 1\n" * 9] == 1
    for text in ("x", "y", "x x x x x x", "return None", "return 1", "", " \n\t ", " \n\n\t  ", "{}", "{ }"):
        assert kept[text] == 1, text


def test_counts_say_how_many_pairs_were_near_and_checked(case: Case) -> None:
    checks = manifest(case.deduped, "survivors")["checks"]
    verified = [row["similarity"] for row in _rows(case.deduped, "verified")]
    assert checks["num_verified"] == checks["num_checks"] == len(verified)
    assert checks["num_similar"] == int(np.sum(np.array(verified) >= np.float32(0.7)))
    assert checks["num_near"] >= len(verified)


def test_sketches_alone_check_nothing(case: Case, tmp_path: Path) -> None:
    workdir = shutil.copytree(case.curated, tmp_path / "run")
    _run(_config(case.source, workdir, near=NEAR | {"verify": "sketch"}), Engine(workers=1))
    assert manifest(workdir, "verified")["files"] == []
    assert not any(row["is_exact"] for row in _rows(workdir, "survivors"))
    assert all(row["similarity"] >= np.float32(0.7) for row in _rows(workdir, "pairs"))
