import pytest
from pydantic import ValidationError

from pipeline.dedup.params import DedupParams, NearParams, implied_threshold, recall

# DESIGN's table, and RECIPES': what others use, and the threshold that they say it implies.
RECALL_AT_07 = [(25, 10, 0.51), (32, 8, 0.85), (36, 7, 0.955), (42, 6, 0.995)]


@pytest.mark.parametrize(("bands", "rows", "expected"), RECALL_AT_07)
def test_recall_at_a_similarity_of_07_is_the_published_figure(bands: int, rows: int, expected: float) -> None:
    assert recall(0.7, NearParams(num_permutations=256, bands=bands, rows=rows)) == pytest.approx(expected, abs=0.006)


def test_recall_rises_with_similarity_from_nothing_to_all() -> None:
    values = [recall(s / 20, NearParams()) for s in range(21)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 1)


def test_implied_threshold_of_sixteen_bands_of_128_rows_is_near_098() -> None:
    assert implied_threshold(NearParams(num_permutations=2048, bands=16, rows=128)) == pytest.approx(0.98, abs=0.005)


def test_bands_that_need_more_values_than_a_signature_has_are_refused_with_two_remedies() -> None:
    with pytest.raises(ValidationError, match=r"raise num_permutations to 256, or lower bands to 28"):
        NearParams(bands=32, rows=8, num_permutations=230)


def test_rows_that_no_number_of_bands_can_fit_are_refused_with_one_remedy() -> None:
    with pytest.raises(ValidationError, match=r"raise num_permutations to 300 \["):
        NearParams(bands=1, rows=300)


@pytest.mark.parametrize("wrong", [{"min_similarity": 0}, {"max_bucket": 1}, {"ngram_tokens": 0}, {"bands": 0}, {"shingle": 5}])
def test_values_without_a_meaning_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        NearParams(**wrong)


def test_near_deduplication_can_be_turned_off() -> None:
    assert DedupParams.model_validate({"near": None}).near is None
