"""Documents as they are read with what is cut from them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.dedup.texts import read_documents


def test_cuts_are_left_out_and_a_purged_text_stays_empty(tmp_path: Path) -> None:
    texts = ["one two three", None, "four five", None]
    rows = [{"id": id, "text": text, "num_bytes": 13 if text is None else len(text)} for id, text in enumerate(texts)]
    cuts = [([0], [4]), ([4, 8], [8, 13]), ([], []), ([], [])]
    pq.write_table(pa.Table.from_pylist(rows, schema.DOCUMENTS), tmp_path / "documents.parquet")
    spans = [{"id": id, "starts": starts, "ends": ends} for id, (starts, ends) in enumerate(cuts)]
    pq.write_table(pa.Table.from_pylist(spans, schema.CUTS), tmp_path / "cuts.parquet")
    for max_rows in (1, 2, 9):
        files = (str(tmp_path / "documents.parquet"), str(tmp_path / "cuts.parquet"))
        read = pa.Table.from_batches(read_documents(*files, ["text", "num_bytes"], max_rows=max_rows)).to_pydict()
        assert read == {"text": ["two three", None, "four five", None], "num_bytes": [9, 4, 9, 13]}
