"""What dedupe learns of a batch of documents."""

import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import shingle_hashes
from pipeline.dedup.signatures import binary_rows, repository_hashes, signatures

NEAR = NearParams(num_permutations=63, bands=9)
TEXTS = [
    "def f(a, b):\n    return a + b\n",
    "def g(x):\n    return x\n",
    "def f(a, b):\n    return a + b\n",
    "日本語 text",
    "Def F(A, B): return A + B",
]


def batch_of(texts: list[str]) -> pa.RecordBatch:
    values = {"id": range(len(texts)), "text": texts, "repository": ["r/a", None] * len(texts), "stars": [3, None] * len(texts)}
    columns = [
        pa.array(list(values[field.name])[: len(texts)], field.type) if field.name in values else pa.nulls(len(texts), field.type)
        for field in schema.DOCUMENTS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema.DOCUMENTS)


def test_the_signature_column_holds_the_minhash_of_the_shingles() -> None:
    made = signatures(batch_of(TEXTS), NEAR, fold_case=False)
    expected = minhash_signatures(shingle_hashes(pa.array(TEXTS), ngram_tokens=5, fold_case=False), NEAR)
    assert np.array_equal(binary_rows(made["signature"], np.uint32), expected)


def test_equal_texts_have_equal_hashes_and_others_do_not() -> None:
    made = signatures(batch_of(TEXTS), NEAR, fold_case=False)
    for name in ("text_hash", "signature_hash"):
        first, second, third, *_ = made[name].to_pylist()
        assert first == third != second


def test_prose_is_compared_in_lower_case_and_code_is_not() -> None:
    code, prose = (signatures(batch_of(TEXTS), NEAR, fold_case=fold)["signature_hash"].to_pylist() for fold in (False, True))
    assert code[0] != code[4]
    assert prose[0] == prose[4]


def test_a_slice_of_a_batch_has_the_signatures_of_its_rows() -> None:
    whole = signatures(batch_of(TEXTS), NEAR, fold_case=False)
    assert signatures(batch_of(TEXTS).slice(1, 3), NEAR, fold_case=False).equals(whole.slice(1, 3))
    assert np.array_equal(binary_rows(whole["signature"].slice(1, 3), np.uint32), binary_rows(whole["signature"], np.uint32)[1:4])


def test_without_near_deduplication_a_signature_is_empty_and_its_hash_is_of_the_text() -> None:
    made = signatures(batch_of(TEXTS), None, fold_case=False)
    assert made.schema == schema.signatures(0)
    assert made["signature_hash"].to_pylist() == binary_rows(made["text_hash"], np.uint64)[:, 0].tolist()


def test_repositories_without_a_name_have_hash_0_and_others_have_their_own() -> None:
    assert repository_hashes(pa.array(["a", None, "b", "a"])).to_pylist()[1] == 0
    a, _, b, again = repository_hashes(pa.array(["a", None, "b", "a"])).to_pylist()
    assert a == again != b


def test_no_documents_have_no_signatures() -> None:
    assert signatures(batch_of([]), NEAR, fold_case=False).num_rows == 0
