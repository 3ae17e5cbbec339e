"""The datasets of a workdir as plain rows, read without the code that wrote them."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sentencepiece
from array_record.python.array_record_module import ArrayRecordReader

from tests.jobs.workdirs import manifest

Document = dict[str, Any]


class Datasets:
    """Every dataset of a workdir as plain rows."""

    def __init__(self, workdir: Path, values: dict[str, Any]) -> None:
        self.workdir, self.values = workdir, values

    def rows(self, dataset: str, *columns: str) -> Iterator[tuple[str, Document]]:
        """(source, row) in the order of the manifest."""
        described = manifest(self.workdir, dataset)
        for file in described["files"]:
            table = pq.read_table(self.workdir / dataset / file["name"], columns=list(columns) or None)
            yield from ((described["units"][file["item"]], row) for row in table.to_pylist())

    def unit_ids(self, dataset: str) -> dict[str, list[int]]:
        files = manifest(self.workdir, dataset)["files"]
        return {file["item"]: pq.read_table(self.workdir / dataset / file["name"])["id"].to_pylist() for file in files}

    @cached_property
    def decisions(self) -> dict[tuple[str, str, int], Document]:
        """By their place; a place that is there twice is an error."""
        found: dict[tuple[str, str, int], Document] = {}
        for source, row in self.rows("decisions"):
            assert found.setdefault((source, row["container"], row["row"]), row) is row
        return found

    @cached_property
    def documents(self) -> dict[int, Document]:
        return {row["id"]: row | {"source": source} for source, row in self.rows("documents")}

    @cached_property
    def texts(self) -> dict[int, str]:
        """The documents' texts without what cuts/ takes from them."""
        found = {id: document["text"].encode() for id, document in self.documents.items()}
        for _, row in self.rows("cuts"):
            for start, end in sorted(zip(row["starts"], row["ends"], strict=True), reverse=True):
                found[row["id"]] = found[row["id"]][:start] + found[row["id"]][end:]
        return {id: text.decode() for id, text in found.items()}

    @cached_property
    def survivors(self) -> dict[int, Document]:
        return {row["id"]: row for _, row in self.rows("survivors")}

    @cached_property
    def tokens(self) -> dict[int, Document]:
        return {row["id"]: row | {"source": source} for source, row in self.rows("tokens")}

    @cached_property
    def segments(self) -> list[Document]:
        files = manifest(self.workdir, "segments")["files"]
        return [row for file in files for row in pq.read_table(self.workdir / "segments" / file["name"]).to_pylist()]

    @cached_property
    def sequences(self) -> list[Document]:
        files = [file for file in manifest(self.workdir, "sequences")["files"] if file["name"].endswith(".parquet")]
        return [row for file in files for row in pq.read_table(self.workdir / "sequences" / file["name"]).to_pylist()]

    @cached_property
    def records(self) -> list[bytes]:
        files = [file for file in manifest(self.workdir, "sequences")["files"] if file["name"].endswith(".arrayrecord")]
        return [record for file in files for record in ArrayRecordReader(str(self.workdir / "sequences" / file["name"])).read_all()]

    @cached_property
    def tokenizer(self) -> sentencepiece.SentencePieceProcessor:
        return sentencepiece.SentencePieceProcessor(model_file=str(next((self.workdir / "tokenizer").glob("*.model"))))

    @property
    def sequence_length(self) -> int:
        return int(self.values["packing"]["sequence_length"])

    def run(self, id: int) -> list[int]:
        """What a document is in its source's stream: BOS, its tokens, EOS, as far as the config has them."""
        packing = self.values["packing"]
        bos = [self.tokenizer.bos_id()] if packing.get("add_bos", True) else []
        eos = [self.tokenizer.eos_id()] if packing.get("add_eos", True) else []
        return [*bos, *self.tokens[id]["tokens"], *eos]

    @cached_property
    def stocks(self) -> Counter[str]:
        """The tokens of one epoch of each source."""
        found: Counter[str] = Counter()
        for id, row in self.tokens.items():
            found[row["source"]] += len(self.run(id))
        return found

    @cached_property
    def num_sequences(self) -> Counter[str]:
        return Counter(row["source"] for row in self.sequences)

    @cached_property
    def phases(self) -> list[dict[str, Fraction]]:
        """The share of every source in each phase."""
        mixture = self.values["mixture"]
        found = [_shares(phase["groups"]) for phase in mixture.get("phases", [mixture])]
        names = sorted(set().union(*found))
        return [{name: shares.get(name, Fraction(0)) for name in names} for shares in found]


def _shares(groups: dict[str, Any]) -> dict[str, Fraction]:
    total = sum(Fraction(group["weight"]) for group in groups.values())
    found = {}
    for group in groups.values():
        weights = {name: Fraction(of["weight"] if isinstance(of, dict) else of) for name, of in group["sources"].items()}
        found |= {name: Fraction(group["weight"]) / total * weight / sum(weights.values()) for name, weight in weights.items()}
    return found
