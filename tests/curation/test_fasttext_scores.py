"""Scores are those of fastText's own library, for models of each kind that are trained here."""

from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.curation.fasttext_file import read_classifier
from pipeline.curation.fasttext_scores import label_scores
from tests.curation.documents import CHINESE, DOCUMENTS, HINDI, PROSE, PYTHON, RUSSIAN, texts

_KINDS = [
    {"loss": "hs", "minn": 2, "maxn": 4},
    {"loss": "hs", "minn": 2, "maxn": 4, "quantised": True},
    {"loss": "softmax", "minn": 1, "maxn": 3},
    {"loss": "softmax", "minn": 0, "maxn": 0},
]


def _trained(folder: Path, *, quantised: bool = False, **params: object) -> Path:
    lines = [
        f"__label__{label} {line}"
        for label, text in (("en", PROSE), ("py", PYTHON), ("ru", RUSSIAN), ("hi", HINDI), ("zh", CHINESE))
        for line in text.split("\n")
        if line.strip()
        for _ in range(3)
    ]
    (folder / "lines.txt").write_text("\n".join(lines))
    model = fasttext.train_supervised(
        str(folder / "lines.txt"), dim=8, epoch=20, lr=1.0, thread=1, seed=1, minCount=1, bucket=5000, verbose=0, **params
    )
    if quantised:
        model.quantize(str(folder / "lines.txt"), cutoff=600, qnorm=True, verbose=False)
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


@pytest.fixture(scope="module", params=_KINDS, ids=str)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained(tmp_path_factory.mktemp("model"), **request.param)


def _agree(path: Path, documents: list[str]) -> None:
    file, library = read_classifier(str(path)), fasttext.load_model(str(path))
    assert file is not None
    assert file.labels == library.labels
    found = label_scores(pa.array(documents, pa.string()), file.classifier, np.arange(len(file.labels)))
    for row, text in zip(found, documents, strict=True):
        labels, scores = library.predict(text.replace("\n", " "), k=-1)
        by_label = dict(zip(labels, scores, strict=True))
        assert row == pytest.approx([by_label.get(label, 0) for label in file.labels], abs=1e-4)


def test_real_documents_score_as_in_fasttext(model: Path) -> None:
    _agree(model, [*DOCUMENTS, PROSE * 20])


@given(texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_scores_as_in_fasttext(model: Path, text: str) -> None:
    _agree(model, [text.replace("</s>", " ")])


def test_fasttexts_own_marks_are_passed_over(model: Path) -> None:
    file = read_classifier(str(model))
    assert file is not None
    plain, marked = label_scores(
        pa.array(["the sole is flat", "the </s> sole __label__ru is flat"]), file.classifier, np.arange(len(file.labels))
    )
    assert plain.tolist() == marked.tolist()


@pytest.mark.parametrize("params", [{"loss": "ova"}, {"loss": "softmax", "wordNgrams": 2}])
def test_a_model_of_another_kind_is_left_to_fasttext(tmp_path: Path, params: dict[str, object]) -> None:
    assert read_classifier(str(_trained(tmp_path, **params))) is None
