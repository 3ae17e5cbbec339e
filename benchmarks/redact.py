"""What the step `redact` finds of what was planted, what else it finds, and how fast, beside detect-secrets.

    python benchmarks/redact.py PATH... [--seeds 300] [--examples 5] [--compared-mb 1]

A path is a file or a folder as for `benchmarks/rules.py`. Three tables:

- recall: secrets of 26 kinds, e-mail addresses and IP addresses, drawn by lot, are planted as lines of their own into documents of the
  paths; found is what the redacted text does not hold any more.
- what is found in the text as it is, by kind, with examples to judge by hand (--examples).
- the first megabytes (--compared-mb) also through detect-secrets with BigCode's plugins and filters: which of its secrets are found, how
  many of ours it has, and MB per second of CPU time (one thread) of both on the same text.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings
from planted import PERSONAL, SECRETS
from reading import batches, by_folder

from pipeline.curation.normalise import normalise
from pipeline.curation.redact import RedactParams
from pipeline.curation.redaction.spans import KINDS
from pipeline.curation.rule import Columns, Edit

# BigCode's, and those that detect-secrets has got since; without BasicAuth, Keyword and PrivateKey.
_PLUGINS = ["ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "Base64HighEntropyString", "CloudantDetector"]
_PLUGINS += ["DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "HexHighEntropyString", "IbmCloudIamDetector"]
_PLUGINS += ["IbmCosHmacDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PypiTokenDetector"]
_PLUGINS += ["SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector"]
_PLUGINS += ["TelegramBotTokenDetector", "TwilioKeyDetector"]
_FILTERS = ("is_potential_uuid", "is_likely_id_string", "is_templated_secret", "is_sequential_string")
_SETTINGS = {
    "plugins_used": [{"name": name} for name in _PLUGINS],
    "filters_used": [{"path": f"detect_secrets.filters.heuristic.{name}"} for name in _FILTERS],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=300, help="how many of each kind to plant")
    parser.add_argument("--examples", type=int, default=0, help="how many findings of each kind to show")
    parser.add_argument("--compared-mb", type=float, default=1.0, help="how much text detect-secrets gets to read, at some 3 s a MB")
    parser.add_argument("--max-mb", type=float, default=200.0, help="how much text is read at all")
    args = parser.parse_args()
    _edit(pa.array(["joe@x.org"]))  # compiles the kernels
    texts = list(_limited((text for batch in _texts(args.paths) for text in batch.to_pylist() if text), args.max_mb))
    _print_recall(texts, args.seeds)
    _print_found(texts, args.examples)
    if args.compared_mb:
        random.Random(0).shuffle(texts)
        _print_comparison(list(_limited(iter(texts), args.compared_mb)))


def _texts(paths: list[Path]) -> Iterator[pa.StringArray]:
    for files in by_folder(paths).values():
        for file in files:
            yield from (normalise(batch["text"]) for batch in batches(file))


def _limited(texts: Iterator[str], max_mb: float) -> Iterator[str]:
    num_bytes = 0
    for text in texts:
        if num_bytes >= max_mb * 1e6:
            return
        num_bytes += len(text.encode())
        yield text


def _edit(texts: pa.StringArray) -> Edit:
    return RedactParams().edit(Columns(pa.record_batch({"text": texts})))


def _print_recall(texts: list[str], num_seeds: int) -> None:
    rng = random.Random(1)
    hosts = rng.choices([text for text in texts if len(text) < 100_000], k=num_seeds * len(SECRETS | PERSONAL))
    planted, documents = [], []
    entries = [entry for entry in (SECRETS | PERSONAL).items() for _ in range(num_seeds)]
    for (kind, (draw, frames)), text in zip(entries, hosts, strict=True):
        value = draw(rng)
        lines = text.split("\n")
        place = rng.randrange(len(lines) + 1)
        planted.append((kind, value))
        documents.append("\n".join([*lines[:place], rng.choice(frames).format(value), *lines[place:]]))
    found: Counter[str] = Counter()
    for start in range(0, len(documents), 1000):
        for (kind, value), text in zip(planted[start:], _edit(pa.array(documents[start : start + 1000])).texts.to_pylist(), strict=False):
            found[kind] += value not in text
            if value in text:
                line = text[: text.index(value) + len(value)].rpartition("\n")[2][-150:]
                print(f"    not found: {kind}: {line!r}")
    print(f"recall of {num_seeds} planted of each kind")
    for kind in SECRETS | PERSONAL:
        print(f"  {kind:20} {found[kind] / num_seeds:7.4f}")
    print(f"  {'all':20} {found.total() / len(planted):7.4f}")


def _print_found(texts: list[str], num_examples: int) -> None:
    by_kind: dict[str, list[tuple[int, int, int]]] = {}
    for row, kind, start, end in _found(_edit(pa.array(texts))):
        by_kind.setdefault(kind, []).append((row, start, end))
    print(f"\nfound in {sum(len(text.encode()) for text in texts) / 1e6:.1f} MB of unseeded text")
    rng = random.Random(2)
    for kind in sorted(by_kind, key=KINDS.index):
        distinct = {texts[row][start:end] for row, start, end in by_kind[kind]}
        print(f"  {kind:20} {len(by_kind[kind]):7} in {len({row for row, _, _ in by_kind[kind]}):6} documents, {len(distinct):6} distinct")
        for row, start, end in rng.sample(by_kind[kind], min(num_examples, len(by_kind[kind]))):
            before, value, after = texts[row][max(0, start - 60) : start], texts[row][start:end], texts[row][end : end + 20]
            print(f"      {before!r} [{value[:100]!r}] {after!r}")


def _print_comparison(texts: list[str]) -> None:
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    array = pa.array(texts)
    started = time.process_time()
    edit = _edit(array)
    ours_seconds = time.process_time() - started
    started = time.process_time()
    theirs = [_detect_secrets(text) for text in texts]
    their_seconds = time.process_time() - started
    redacted = edit.texts.to_pylist()
    # (Of GitHub's tokens it names the first letters alone.)
    missing = [one for found, text in zip(theirs, redacted, strict=True) for one in sorted(found) if len(one[1]) > 5 and one[1] in text]
    print(f"\n{megabytes:.1f} MB: redact {megabytes / ours_seconds:.1f} MB/s, detect-secrets {megabytes / their_seconds:.3f} MB/s")
    num_theirs = sum(map(len, theirs))
    print(f"  of {num_theirs} secrets that detect-secrets finds, {num_theirs - len(missing)} are gone; the others by kind:")
    for kind, times in Counter(kind for kind, _ in missing).most_common():
        print(f"    {kind:35} {times:6}  {'  '.join(value[:60] for value in islice((v for k, v in missing if k == kind), 6))}")
    ours = [texts[row][start:end] for row, kind, start, end in _found(edit) if KINDS.index(kind) > KINDS.index("private_key")]
    known = {value.rstrip("\\") for found in theirs for _, value in found}
    print(f"  of {len(ours)} secrets of ours (private keys apart) detect-secrets finds {sum(value in known for value in ours)}")


def _found(edit: Edit) -> list[tuple[int, str, int, int]]:
    """Row, kind, start and end of each finding."""
    found = edit.findings
    assert found is not None
    return list(zip(found.rows.tolist(), found.kinds.to_pylist(), found.starts.tolist(), found.ends.tolist(), strict=True))


def _detect_secrets(text: str) -> set[tuple[str, str]]:
    """(type, value) as BigCode calls it: from a file, without the types that it leaves out."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", newline="") as file, transient_settings(_SETTINGS):
        file.write(text)
        file.flush()
        secrets = SecretsCollection()
        secrets.scan_file(file.name)
        return {(secret.type, secret.secret_value) for found in secrets.data.values() for secret in found}


if __name__ == "__main__":
    main()
