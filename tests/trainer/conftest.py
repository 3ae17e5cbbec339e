from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.synthetic import learnable_tokens, write_sequences


@pytest.fixture
def sequences(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of sequences: `sequences()`, or with fields of the manifest changed."""
    return lambda num_sequences=50, **changes: write_sequences(tmp_path / "sequences", learnable_tokens(num_sequences), **changes)
