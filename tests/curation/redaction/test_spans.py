import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.redaction.spans import merged, no_spans, pushed

_spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10), st.integers(0, 5)), max_size=12)


@given(_spans)
def test_merged_spans_cover_the_same_bytes_and_lie_apart(drawn):
    spans = np.array([(start, start + length, kind) for start, length, kind in drawn], np.int64).reshape(-1, 3)
    result = merged(spans)
    assert {i for start, end, _ in result.tolist() for i in range(start, end)} == {
        i for start, end, _ in spans.tolist() for i in range(start, end)
    }
    assert (result[1:, 0] >= result[:-1, 1]).all()


def test_the_span_that_starts_first_names_the_whole_and_then_the_more_telling_kind():
    spans = np.array([(5, 9, 1), (0, 6, 7), (20, 25, 3), (20, 30, 2)], np.int64)
    assert merged(spans).tolist() == [[0, 9, 7], [20, 30, 2]]


def test_spans_keep_their_order_when_the_room_grows():
    spans = no_spans()
    for k in range(1000):
        spans = pushed(spans, k, k, k + 1, 0)
    assert spans[:1000, 0].tolist() == list(range(1000))
