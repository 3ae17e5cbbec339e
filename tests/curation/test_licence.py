from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline import schema
from pipeline.curation.curate import curate
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.params import UsageError
from tests.curation import licences as texts
from tests.curation.licences import commented

HEADER_MIT, HEADER_GPL = "// SPDX-License-Identifier: MIT\nint x;\n", "/* SPDX-License-Identifier: GPL-2.0-only */\nint x;\n"
SILENT = "int main() { return 0; }\n"


def raw(*documents: tuple[str | None, list[str] | None, list[str] | None]) -> pa.RecordBatch:
    """Documents of (text, licences, root_licences)."""
    n = len(documents)
    columns: dict[str, list[Any]] = {"id": list(range(n)), "container": ["c"] * n, "row": list(range(n))}
    columns |= dict(zip(("text", "licences", "root_licences"), map(list, zip(*documents, strict=True)), strict=True))
    columns["error"] = ["null_text" if text is None else None for text, _, _ in documents]
    return pa.record_batch(
        [pa.array(columns.get(name, [None] * n), schema.RAW.field(name).type) for name in schema.RAW.names], schema=schema.RAW
    )


def judged(*documents: tuple[str | None, list[str] | None, list[str] | None], **params: Any) -> list[dict[str, Any]]:
    return curate(raw(*documents), build_steps([StepSpec(name="licence", params=params)])).decisions.to_pylist()


# (text, metadata, root) -> (verdict's reason, evidence, licences)
CASES = [
    ((SILENT, ["MIT"], None), (None, 1, ["MIT"])),
    ((SILENT, ["mit", "Apache License 2.0"], None), (None, 1, ["MIT", "Apache-2.0"])),
    ((SILENT, ["MIT", "GPL-3.0"], None), ("licence_is_allowed", 1, ["MIT", "GPL-3.0-only"])),
    ((SILENT, ["MIT OR GPL-3.0"], None), (None, 1, ["MIT OR GPL-3.0-only"])),
    ((SILENT, ["MIT", "something else"], None), ("licence_is_unknown", 0, ["MIT", "something else"])),
    ((SILENT, [], None), ("licence_is_unknown", 0, None)),
    ((SILENT, None, None), ("licence_is_unknown", 0, None)),
    ((HEADER_MIT, None, None), (None, 2, ["MIT"])),
    ((HEADER_GPL, None, None), ("licence_is_allowed", 2, ["GPL-2.0-only"])),
    ((HEADER_MIT + HEADER_GPL, None, None), ("licence_is_allowed", 2, ["MIT", "GPL-2.0-only"])),
    (("# SPDX-License-Identifier: (MIT OR GPL-2.0)\n", None, None), (None, 2, ["MIT OR GPL-2.0-only"])),
    (("# SPDX-License-Identifier: see COPYING\n" + commented(texts.MIT), None, None), (None, 3, ["MIT"])),
    (("# SPDX-License-Identifier: Unheard-Of-1.0\n", None, None), ("licence_is_unknown", 0, ["Unheard-Of-1.0"])),
    (("find . | grep SPDX-License-Identifier\n", None, None), ("licence_is_unknown", 0, None)),
    ((HEADER_MIT + commented(texts.GPL), None, None), (None, 2, ["MIT"])),
    ((commented(texts.BSD_3), None, None), (None, 3, ["BSD-3-Clause"])),
    ((commented(texts.GPL), None, None), ("licence_is_allowed", 3, ["GPL-2.0-or-later"])),
    # Metadata and head: either can refuse.
    ((commented(texts.GPL), ["MIT"], None), ("licence_is_allowed", 3, ["MIT", "GPL-2.0-or-later"])),
    ((HEADER_MIT, ["GPL-3.0"], None), ("licence_is_allowed", 1, ["GPL-3.0-only", "MIT"])),
    ((HEADER_MIT, ["something else"], None), (None, 2, ["something else", "MIT"])),
    ((HEADER_MIT, ["MIT"], None), (None, 1, ["MIT"])),
    (("// under the BSD license\n", ["BSD-3-Clause"], None), (None, 1, ["BSD-3-Clause"])),
    # The root, where neither says anything.
    ((SILENT, None, ["Apache-2.0"]), (None, 4, ["Apache-2.0"])),
    ((SILENT, None, ["GPL-3.0-only"]), ("licence_is_allowed", 4, ["GPL-3.0-only"])),
    ((SILENT, ["something else"], ["MIT"]), (None, 4, ["MIT"])),
    ((HEADER_MIT, None, ["GPL-3.0-only"]), (None, 2, ["MIT"])),
    ((commented(texts.GPL), None, ["MIT"]), ("licence_is_allowed", 3, ["GPL-2.0-or-later"])),
    (("", None, None), ("licence_is_unknown", 0, None)),
]


@pytest.mark.parametrize(("document", "expected"), CASES)
def test_the_evidence_is_asked_in_its_order(document: Any, expected: tuple[Any, ...]) -> None:
    (decision,) = judged(document)
    assert (decision["reason"], decision["licence_evidence"], decision["licences"]) == expected
    allowed = {"licence_is_allowed": 0, "licence_is_unknown": None, None: 1}[decision["reason"]]
    assert decision["licence_is_allowed"] == allowed
    assert decision["licence_is_unknown"] == (allowed is None)


def test_a_batch_is_judged_as_its_documents_are_one_by_one() -> None:
    documents = [document for document, _ in CASES]
    alone = [judged(document)[0] for document in documents]
    names = [name for name in alone[0] if name not in ("id", "row")]
    together = judged(*documents, (None, None, None))
    assert [[row[name] for name in names] for row in together[:-1]] == [[row[name] for name in names] for row in alone]
    assert together[-1]["reason"] == "null_text"


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({}, [True, False, False]),
        ({"unknown": "keep"}, [True, False, True]),
        ({"allow": ["permissive", "GPL-2.0-only"]}, [True, True, False]),
        ({"allow": ["GPL-2.0"]}, [False, True, False]),
        ({"allow": ["ISC"]}, [False, False, False]),
    ],
)
def test_the_config_says_what_is_allowed(params: dict[str, Any], kept: list[bool]) -> None:
    found = judged((HEADER_MIT, None, None), (HEADER_GPL, None, None), (SILENT, None, None), **params)
    assert [row["verdict"] == "kept" for row in found] == kept


@pytest.mark.parametrize("allow", [["MTI"], ["MIT OR ISC"], [], [""]])
def test_an_id_that_nobody_knows_is_an_error(allow: list[str]) -> None:
    with pytest.raises(UsageError, match=r"curation.licence.allow"):
        build_steps([StepSpec(name="licence", params={"allow": allow})])


def test_kept_documents_carry_the_licences_that_were_found() -> None:
    documents = curate(raw((HEADER_MIT, None, None), (SILENT, ["mit"], None)), build_steps([StepSpec(name="licence")])).documents
    assert documents["licences"].to_pylist() == [["MIT"], ["MIT"]]


def test_findings_say_what_the_head_says_and_where() -> None:
    before = "# café 日本 🙂\n"
    tagged, noticed = judged((before + "# SPDX-License-Identifier: MIT \n", None, None), (before + commented(texts.GPL), ["MIT"], None))
    (finding,) = tagged["findings"]
    assert (finding["step"], finding["kind"]) == ("licence", "MIT")
    assert (before + "# SPDX-License-Identifier: MIT \n")[finding["start"] : finding["end"]] == "SPDX-License-Identifier: MIT "
    (finding,) = noticed["findings"]
    assert finding["kind"] == "GPL-2.0-or-later"
    assert "GNU General Public" in (before + commented(texts.GPL))[finding["start"] : finding["end"]]
    assert judged((SILENT, ["MIT"], None))[0]["findings"] is None


def test_what_stands_behind_the_head_is_not_read() -> None:
    text = "x = 1\n" * 200 + HEADER_GPL
    assert judged((text, ["MIT"], None), head_bytes=1200)[0]["reason"] is None
    assert judged((text, ["MIT"], None), head_bytes=1300)[0]["reason"] == "licence_is_allowed"


@pytest.mark.parametrize(
    "text",
    [
        "SPDX-License-Identifier: " * 40_000,
        "SPDX-License-Identifier: " + "(" * 1_000_000,
        "SPDX-License-Identifier: " + "MIT AND (" * 100_000,
        "MIT License " * 80_000,
        "\0\u200f" * 100_000 + HEADER_MIT,
        "SPDX-License-Identifier:\n" * 40_000,
        "SPDX-License-Identifier: \u200fMIT",
    ],
)
def test_hostile_heads_get_a_decision(text: str) -> None:
    (decision,) = judged((text, None, None))
    assert decision["verdict"] in ("kept", "dropped")
    assert np.all([0 <= f["start"] <= f["end"] <= len(text) for f in decision["findings"] or []])
