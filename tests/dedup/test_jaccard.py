import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.jaccard import exact_similarity, shingle_sets
from pipeline.dedup.shingles import Shingles, shingle_hashes
from tests.dedup.reference import edited, jaccard, shingle_set, source_files

DOCUMENTS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6)


@given(DOCUMENTS)
@settings(deadline=None)
def test_similarity_is_that_of_python_sets(documents: list[list[int]]) -> None:
    shingles = Shingles(np.concatenate([np.array(document, np.uint32) for document in documents]), np.cumsum([0, *map(len, documents)]))
    left, right = (places.ravel() for places in np.indices((len(documents), len(documents))))
    found = exact_similarity(shingle_sets(shingles), left=left, right=right)
    assert found.tolist() == [np.float32(jaccard(set(documents[i]), set(documents[j]))) for i, j in zip(left, right, strict=True)]


def test_similarity_of_edited_files_is_that_of_their_sets_of_words() -> None:
    texts = [text for seed, file in enumerate(source_files()) for text in (file, edited(file, edit_fraction=0.05, seed=seed))]
    sets = shingle_sets(shingle_hashes(pa.array(texts), ngram_tokens=5, fold_case=False))
    left = np.arange(0, len(texts), 2)
    exact = [jaccard(shingle_set(texts[i]), shingle_set(texts[i + 1])) for i in left]
    assert exact_similarity(sets, left=left, right=left + 1) == pytest.approx(exact, abs=1e-3)  # a collision or two of 32 bits


def test_documents_without_shingles_are_equal_to_each_other_and_to_no_other() -> None:
    sets = shingle_sets(Shingles(np.array([5, 5], np.uint32), np.array([0, 0, 0, 2])))
    assert sets.offsets.tolist() == [0, 0, 0, 1]
    assert exact_similarity(sets, left=np.array([0, 0]), right=np.array([1, 2])).tolist() == [1, 0]
