"""Compiled kernels and the arrays that they walk."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import string_buffers

ROOT = Path(__file__).parent.parent


@given(st.lists(st.none() | st.text(max_size=20), max_size=20), st.integers(0, 20), st.integers(0, 20), st.booleans())
@settings(deadline=None)
def test_buffers_hold_every_text_of_a_slice(texts: list[str | None], start: int, length: int, is_large: bool) -> None:
    array = pa.array(texts, pa.large_string() if is_large else pa.string()).slice(start, length)
    offsets, data = string_buffers(array)
    found = [bytes(data[a:b]).decode() for a, b in itertools.pairwise(offsets)]
    assert found == [text or "" for text in array.to_pylist()]
    assert not data.flags.writeable


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="binary"):
        string_buffers(pa.array([b"a"]))


def test_an_edited_kernel_is_compiled_anew_where_another_file_calls_it(tmp_path: Path) -> None:
    # numba's own cache would answer 2 twice: it looks at the caller's file alone.
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "mixtures").mkdir()
    shutil.copy(ROOT / "pipeline/kernels.py", tmp_path / "pipeline/kernels.py")
    callee, caller = tmp_path / "pipeline/callee.py", tmp_path / "pipeline/caller.py"
    caller.write_text(
        "from pipeline.kernels import kernel\nfrom pipeline.callee import more\n\n\n@kernel\ndef twice(x):\n    return more(more(x))\n"
    )
    answers = []
    for step in (1, 10):
        callee.write_text(f"from pipeline.kernels import kernel\n\n\n@kernel\ndef more(x):\n    return x + {step}\n")
        command = [sys.executable, "-c", "from pipeline.caller import twice; print(twice(0))"]
        answers.append(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip())
    assert answers == ["2", "20"]
