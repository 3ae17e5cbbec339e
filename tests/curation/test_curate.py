"""Every raw document gets a decision; what is kept is what the rules let pass."""

import hashlib

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import schema
from pipeline.curation.curate import curate, decision_schema
from pipeline.curation.steps import StepSpec, build_steps

STEPS = build_steps([StepSpec.model_validate({"starcoder2": {"max_mean_line_chars": 20}})])
GOOD, LONG_LINE = "def f():\r\n    return 1\r\n", "x = " + "a" * 100 + "\n"


def raw(texts: list[str | None]) -> pa.RecordBatch:
    rows = [
        {"id": i, "container": "a.parquet", "row": i, "text": text, "path": f"{i}.py", "error": "bad_json" if text is None else None}
        for i, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=schema.RAW)


def test_each_document_is_kept_dropped_or_broken_with_its_reason() -> None:
    made = curate(raw([GOOD, None, LONG_LINE]), STEPS)
    assert made.decisions["verdict"].to_pylist() == ["kept", "broken", "dropped"]
    assert made.decisions["reason"].to_pylist() == [None, "bad_json", "starcoder2_mean_line_chars"]
    assert made.documents["id"].to_pylist() == [0]


def test_the_kept_text_is_normalised_and_the_decision_tells_the_size_before() -> None:
    made = curate(raw([GOOD]), STEPS)
    assert made.documents["text"].to_pylist() == ["def f():\n    return 1\n"]
    assert made.documents["num_bytes"].to_pylist() == [len(GOOD) - 2]
    assert made.decisions["num_bytes"].to_pylist() == [len(GOOD)]
    assert made.decisions["num_chars"].to_pylist() == [len(GOOD) - 2]


def test_the_sha256_is_that_of_the_bytes_as_they_were_read() -> None:
    texts = ["\ufeff" + GOOD, None, "", LONG_LINE]
    found = curate(raw(texts), STEPS).decisions["sha256"].to_pylist()
    assert found == [None if text is None else hashlib.sha256(text.encode()).digest() for text in texts]


def test_a_broken_document_is_not_measured_and_a_dropped_one_is() -> None:
    made = curate(raw([None, LONG_LINE]), STEPS)
    assert made.decisions["starcoder2_mean_line_chars"].to_pylist() == [None, 104.0]
    assert made.decisions["num_bytes"].to_pylist() == [0, len(LONG_LINE)]


@given(st.lists(st.none() | st.text(max_size=200), max_size=12))
@settings(deadline=None)
def test_every_document_has_one_decision_and_the_kept_ones_are_the_documents(texts: list[str | None]) -> None:
    made = curate(raw(texts), STEPS)
    decisions = made.decisions.to_pylist()
    assert made.decisions.schema == decision_schema(STEPS)
    assert [row["id"] for row in decisions] == list(range(len(texts)))
    assert [row["id"] for row in decisions if row["verdict"] == "kept"] == made.documents["id"].to_pylist()
    assert all((row["reason"] is None) == (row["verdict"] == "kept") for row in decisions)
    assert [row["verdict"] == "broken" for row in decisions] == [text is None for text in texts]
