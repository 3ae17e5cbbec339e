"""Each law stops the run with the numbers on both sides."""

import pytest

from pipeline.errors import LawBroken
from pipeline.laws import check_documents, check_packed, check_survivors, check_tokenized

DOCUMENTS = {"num_documents": 10, "num_kept": 6, "dropped": {"starcoder2_num_lines": 3}, "broken": {"bad_json": 1}}
PLAN = {"trainable_tokens": 100, "whole_epochs": 2, "prefix_tokens": 56, "tail_tokens": 0, "num_sequences": 16}


def test_a_lost_document_is_named_with_every_term() -> None:
    check_documents("python", DOCUMENTS)
    with pytest.raises(LawBroken, match=r"source python: 11 \(in\) is not 6 \(kept\) \+ 3 \(dropped by starcoder2_num_lines\) \+ 1"):
        check_documents("python", DOCUMENTS | {"num_documents": 11})


def test_dedupe_and_tokenize_lose_no_document() -> None:
    deduped = {"num_survivors": 4, "num_copies": 1, "num_near_duplicates": 1}
    check_survivors("python", DOCUMENTS, deduped)
    check_tokenized("python", deduped, {"num_documents": 4})
    with pytest.raises(LawBroken, match=r"6 .kept by curate. is not 4 .survivors. . 1 .copies. . 0"):
        check_survivors("python", DOCUMENTS, deduped | {"num_near_duplicates": 0})
    with pytest.raises(LawBroken, match=r"4 .survivors. is not 5"):
        check_tokenized("python", deduped, {"num_documents": 5})


def test_pack_loses_no_token_and_leaves_no_place_empty() -> None:
    check_packed("python", PLAN, 256, sequence_length=16)
    with pytest.raises(LawBroken, match="255"):
        check_packed("python", PLAN, 255, sequence_length=16)
    with pytest.raises(LawBroken, match="places of source python"):
        check_packed("python", PLAN, 256, sequence_length=17)
