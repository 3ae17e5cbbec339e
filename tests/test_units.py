"""Containers, units and ids: the same on any machine, and stable when a corpus grows."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import units
from pipeline.errors import RunError, UsageError
from pipeline.hashing import hash64, mix64
from pipeline.units import STRIPE_BYTES, UNIT_ENDS, Container, Unit, assign_salts, document_ids, form_units

MB = 1 << 20


def container(
    name: str, *, num_bytes: int = 1000, text_bytes: int = 4000, row_groups: tuple[int, ...] = (), format: str = "jsonl"
) -> Container:
    return Container(name, "parquet" if row_groups else format, num_bytes, text_bytes, f"{num_bytes}-1", row_groups)


def ids_of(one: Container, rows: list[int], *, source: str = "s", salt: int = 0) -> list[int]:
    return document_ids(np.array(rows), source=source, container=one.name, salt=salt, max_rows=one.max_rows).tolist()


containers = st.lists(
    st.builds(
        container,
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
        num_bytes=st.integers(1, 5 * STRIPE_BYTES),
        text_bytes=st.integers(1, 200 * MB),
        row_groups=st.just(()) | st.lists(st.integers(0, 90 * MB), min_size=1, max_size=9).map(tuple),
    ),
    max_size=30,
    unique_by=lambda one: one.name,
).map(lambda found: sorted(found, key=lambda one: one.name))


# Ids.


def test_an_id_ends_with_its_row_and_rows_of_a_block_share_the_rest() -> None:
    big = container("a", num_bytes=5 * MB)
    ids = ids_of(big, [0, 1, (1 << 20) - 1, 1 << 20, 3 << 20])
    assert [id & 0xFFFFF for id in ids] == [0, 1, 0xFFFFF, 0, 0]
    assert len({id >> 20 for id in ids}) == 3


def test_an_id_hangs_on_the_source_the_container_the_row_and_the_salt_alone() -> None:
    ids = [
        ids_of(container("a"), [7]),
        ids_of(container("b"), [7]),
        ids_of(container("a"), [7], source="t"),
        ids_of(container("a"), [7], salt=1),
    ]
    assert len({id for (id,) in ids}) == 4
    assert ids_of(container("a", num_bytes=9, text_bytes=1), [7]) == ids_of(container("a"), [7])


def test_a_row_beyond_what_ids_were_set_aside_for_stops_the_run() -> None:
    one = container("a", num_bytes=1000)
    assert ids_of(one, [one.max_rows - 1])
    with pytest.raises(RunError, match="a holds over 1,048,576 documents"):
        ids_of(one, [one.max_rows])


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'caf\\udce9' is no UTF-8: rename it"):
        container("caf\udce9")


# Salts, with prefixes of so few bits that they meet.


@pytest.fixture
def few_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "mix64", lambda values: (mix64(values) >> np.uint64(57)) << np.uint64(20))


def some(num: int, *, num_bytes: int = 1000) -> list[tuple[str, Container]]:
    return [("s" if i % 2 else "t", container(f"file-{i:03d}", num_bytes=num_bytes)) for i in range(num)]


@pytest.mark.usefixtures("few_bits")
@pytest.mark.parametrize("num_blocks", [1, 3])
def test_containers_whose_prefixes_meet_get_salts_that_part_them(num_blocks: int) -> None:
    corpus = some(20, num_bytes=num_blocks * MB - 1)
    rows = [block << 20 for block in range(num_blocks)]
    salts = assign_salts(corpus)
    assert salts
    assert corpus[0][1].name not in {name for _, name in salts}
    ids = [id for source, one in corpus for id in ids_of(one, rows, source=source, salt=salts.get((source, one.name), 0))]
    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("few_bits")
def test_more_containers_change_no_salt_of_those_before_them() -> None:
    before, after = assign_salts(some(15)), assign_salts(some(30))
    assert before.items() <= after.items()
    assert all(name >= "file-015" for _, name in after.keys() - before.keys())


def test_real_prefixes_seldom_meet() -> None:
    assert assign_salts(some(2000, num_bytes=20 * MB)) == {}


# Units.


def _check_cover(found: list[Unit], corpus: list[Container]) -> None:
    pieces = defaultdict(list)
    for unit in found:
        for piece in unit.pieces:
            pieces[piece.container].append(piece)
    assert list(pieces) == [one.name for one in corpus]
    for one in corpus:
        parts = pieces[one.name]
        if one.row_group_bytes:
            if parts[0].row_groups is not None:
                assert parts[0].row_groups[0] == 0
                assert parts[-1].row_groups is not None
                assert parts[-1].row_groups[1] == len(one.row_group_bytes)
                cuts = [part.row_groups for part in parts if part.row_groups]
                assert all(left[1] == right[0] for left, right in pairwise(cuts))
        elif parts[0].stripe is not None:
            assert [part.stripe for part in parts] == [(i, len(parts)) for i in range(len(parts))]
        else:
            assert len(parts) == 1
        assert {part.max_rows for part in parts} == {one.max_rows}


@given(containers, st.integers(1 * MB, 256 * MB))
def test_units_hold_every_part_of_every_container_once_and_in_order(corpus: list[Container], unit_bytes: int) -> None:
    found = form_units("s", corpus, unit_bytes=unit_bytes, salts={})
    _check_cover(found, corpus)
    assert len({unit.name for unit in found}) == len(found)
    assert all(unit.text_bytes <= unit_bytes or len(unit.pieces) == 1 for unit in found)


@given(containers, st.integers(1 * MB, 256 * MB), st.data())
def test_an_insertion_changes_no_unit_before_it_and_none_after_the_next_container_that_ends_one(
    corpus: list[Container], unit_bytes: int, data: st.DataObject
) -> None:
    if not corpus:
        return
    new = data.draw(st.sampled_from(corpus))
    less = [one for one in corpus if one is not new]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "UNIT_ENDS", 4)  # so that some of these few do
        with_it, without = (form_units("s", held, unit_bytes=unit_bytes, salts={}) for held in (corpus, less))
    end = next((one.name for one in less if one.name > new.name and hash64("s", one.name) % 4 == 0), None)
    for unit in with_it:
        if (end is not None and unit.pieces[0].container > end) or _ends_before(unit, with_it, new.name):
            assert unit in without


def _ends_before(unit: Unit, found: list[Unit], name: str) -> bool:
    """The unit after it begins before the new container, too, so it was full without that."""
    following = found[found.index(unit) + 1 :]
    return bool(following) and following[0].pieces[0].container < name


def test_a_container_that_ends_a_unit_parts_its_neighbours() -> None:
    ending = next(f"file-{i}" for i in range(10_000) if hash64("s", f"file-{i}") % UNIT_ENDS == 0)
    corpus = [container(name) for name in ("a", ending, "z")]
    found = form_units("s", corpus, unit_bytes=100 * MB, salts={})
    assert [[piece.container for piece in unit.pieces] for unit in found] == [["a", ending], ["z"]]


def test_a_unit_is_named_after_what_it_holds_and_its_inputs_after_their_versions() -> None:
    old, new = container("a"), Container("a", "jsonl", 1000, 4000, "other")
    (before,), (after,) = (form_units("s", [one], unit_bytes=MB, salts={}) for one in (old, new))
    assert before.name == after.name
    assert before.inputs != after.inputs


def test_a_large_parquet_file_is_cut_between_row_groups() -> None:
    one = container("a", text_bytes=100, row_groups=(40, 40, 40, 500, 10))
    found = form_units("s", [container("0"), one, container("b")], unit_bytes=100, salts={("s", "a"): 3})
    assert [unit.pieces[0].row_groups for unit in found] == [None, (0, 2), (2, 3), (3, 4), (4, 5), None]
    assert {unit.pieces[0].salt for unit in found[1:-1]} == {3}


def test_a_large_stream_of_lines_is_cut_into_stripes_and_other_formats_are_not() -> None:
    for format, num_pieces in (("jsonl", 3), ("archive", 1)):
        one = container("a", num_bytes=2 * STRIPE_BYTES + 1, text_bytes=9 * STRIPE_BYTES, format=format)
        assert len(form_units("s", [one], unit_bytes=128 * MB, salts={})) == num_pieces
