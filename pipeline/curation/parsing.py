"""One document parsed, and asked what of its language's query it holds. Nothing here is safe with hostile text: see parser_process.

tree-sitter mends what it can't parse, at a price: some texts (`=/a=/a=/a`, labelled C) cost it megabytes for each kilobyte, others
read what is left of the text again at each token. Its work is counted in its own steps and in the text that it reads,
not in seconds, so that the same documents are given up everywhere.
"""

from array import array
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from tree_sitter import Language, Node, Parser, Point, Query, QueryCursor
from tree_sitter_language_pack import get_language

from pipeline.curation.grammars import GRAMMARS, NAMES

COMMENT, STRING = 1, 2
# A report of progress is 100 steps. Of 30 MB of real code, with errors or without, no file took a fifth of either limit.
_BYTES_PER_REPORT = 8
_CHUNK_BYTES = 16384
_MAX_REREADS = 64
# At each sign or keyword a query looks on for the next sibling that is more than that: for long, among the 100,000 of `((((((`.
_BARE_BYTES = 4096
# A query's unfinished matches; the oldest gives way, so that a text of nested definitions stays cheap.
_MATCH_LIMIT = 1024


class Parsed(NamedTuple):
    """What stands in a document.

    Attributes:
        spans: int32 triples (first byte, byte after the last, COMMENT or STRING), in no order; one may lie inside another.
        errors: places that the parser had to mend.
        error_bytes: the text that it skipped there.
        functions, simple_functions, main_functions, variables: as captured by the query.
    """

    spans: bytes
    errors: int
    error_bytes: int
    functions: int
    simple_functions: int
    main_functions: int
    variables: int


def parse(text: bytes | memoryview, *, grammar: int) -> Parsed | None:
    """The document's spans and counts; None: it would take too much work.

    Args:
        text: UTF-8.
        grammar: a place in NAMES.
    """
    parser = parser_of(grammar)
    view = memoryview(text)
    limit = len(view) // _BYTES_PER_REPORT + 1000, len(view) * _MAX_REREADS // _CHUNK_BYTES + 1000
    reports = reads = 0

    def read(start: int, _: Point) -> memoryview:
        nonlocal reads
        reads += 1
        return view[start : start + _CHUNK_BYTES]

    def stop(_: int, __: bool) -> bool:
        nonlocal reports
        reports += 1
        return reports > limit[0] or reads > limit[1]

    try:
        root = parser.parse(read, progress_callback=stop).root_node
    except ValueError:  # stopped
        parser.reset()
        return None
    if _is_bare(root, view):
        return None
    found = QueryCursor(_query_of(grammar), match_limit=_MATCH_LIMIT).captures(root)
    spans = array("i")
    for kind, name in ((COMMENT, "comment"), (STRING, "string")):
        for node in found.get(name, ()):
            spans.extend((*node.byte_range, kind))
    errors = found.get("error", [])
    return Parsed(
        spans.tobytes(),
        errors=len(errors) + len(found.get("missing", ())),
        error_bytes=_covered(errors),
        functions=len(found.get("function", ())),
        simple_functions=len(found.get("simple", ())),
        main_functions=sum(view[node.start_byte : node.end_byte] == b"main" for node in found.get("main", ())),
        variables=len(found.get("variable", ())),
    )


@cache
def parser_of(grammar: int) -> Parser:
    return Parser(_language(grammar))


@cache
def _query_of(grammar: int) -> Query:
    return Query(_language(grammar), GRAMMARS[NAMES[grammar]].query + "(ERROR) @error (MISSING) @missing")


def _language(grammar: int) -> Language:
    return get_language(GRAMMARS[NAMES[grammar]].name)  # type: ignore[arg-type]


def _is_bare(root: Node, text: memoryview) -> bool:
    """Whether signs and keywords alone follow each other as siblings for long."""
    place = _BARE_BYTES
    while place < len(text):
        if text[place] <= 32:
            place += 1
            continue
        token = root.descendant_for_byte_range(place, place + 1)
        if token is not None and not token.is_named:
            after, parent = token.next_named_sibling, token.parent
            if (after.start_byte if after else parent.end_byte if parent else place) - place > _BARE_BYTES:
                return True
        place += _BARE_BYTES
    return False


def _covered(nodes: Iterable[Node]) -> int:
    """Bytes in any of the nodes, which come in no order."""
    covered = end = 0
    for start, stop in sorted(node.byte_range for node in nodes):
        covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return covered
