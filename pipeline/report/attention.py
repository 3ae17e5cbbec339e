"""What somebody should look at before they train on a run, the worst first."""

from collections.abc import Iterator
from typing import Any

# Shares of a source's documents that one rule, or dedupe, may take before it is worth a look.
MAX_RULE_FRACTION = 0.5
MAX_DUPLICATE_FRACTION = 0.5
# Of what the rules kept, documents that may be in forks of other repositories.
MAX_FORK_FRACTION = 0.2
# Of its bytes that common lines and runs may be.
MAX_CUT_FRACTION = 0.2
# Repeating data up to some four epochs is nearly as good as new data (Muennighoff et al. 2023, 2305.16264).
MAX_EPOCHS = 4.0

FAULT, WARNING, NOTE = "fault", "warning", "note"
Found = dict[str, Any]


def attention(stats: dict[str, Any]) -> list[Found]:
    """
    Args:
        stats: of statistics.collect.
    Returns:
        dicts of level (fault: a law does not hold; warning; note: good to know), kind, source (None: the whole run) and text.
    """
    found = [*_stream(stats["verdict"]), *_buckets(stats["dedupe"]["buckets"])]
    for source in stats["sources"]:
        found += [*_documents(source), *_mixed(source)]
    left_out = [source["name"] for source in stats["sources"] if source["mixture"] is None]
    if left_out:
        text = f"the mixture leaves out what was read and deduplicated of {', '.join(left_out)}"
        found.append(_found(NOTE, "left_out", text))
    return sorted(found, key=lambda item: (FAULT, WARNING, NOTE).index(item["level"]))


def _found(level: str, kind: str, text: str, source: str | None = None) -> Found:
    return {"level": level, "kind": kind, "source": source, "text": text}


def _stream(verdict: dict[str, Any]) -> Iterator[Found]:
    worst = verdict["worst_deviation"]
    if worst["sequences"] >= 1:
        text = f"is {worst['sequences']:.3f} sequences from its share after {worst['prefix']:,} sequences; less than 1 is promised"
        yield _found(FAULT, "deviation", text, worst["source"])


def _buckets(buckets: dict[str, int]) -> Iterator[Found]:
    if buckets.get("num_split_buckets"):
        parted = buckets["num_parted"] / max(buckets["num_candidates"], 1)
        text = (
            f"{buckets['num_split_buckets']:,} of {buckets['num_buckets']:,} buckets of similar documents were over dedup.near.max_bucket "
            f"and were split: {100 * parted:.1f} % of the candidate pairs were not compared there, and some near-duplicates may be left"
        )
        yield _found(WARNING, "split_buckets", text)


def _documents(source: dict[str, Any]) -> Iterator[Found]:
    name, curate, dedupe = source["name"], source["curate"], source["dedupe"]
    num_documents, num_kept = curate["num_documents"], curate["num_kept"]
    if not num_documents:
        yield _found(WARNING, "empty", "has no documents", name)
        return
    for rule, count in sorted(curate["dropped"].items()):
        if count > MAX_RULE_FRACTION * num_documents:
            yield _found(WARNING, "rule", f"loses {100 * count / num_documents:.0f} % of its documents to the rule {rule}", name)
    lost = dedupe["num_copies"] + dedupe["num_near_duplicates"] + dedupe["num_forked"]
    if lost > MAX_DUPLICATE_FRACTION * num_kept:
        text = f"loses {100 * lost / num_kept:.0f} % of what the rules kept as duplicates ({lost:,} of {num_kept:,} documents)"
        yield _found(WARNING, "duplicates", text, name)
    if dedupe["num_in_forks"] > MAX_FORK_FRACTION * num_kept:
        share = f"{100 * dedupe['num_in_forks'] / num_kept:.0f} % ({dedupe['num_in_forks']:,} of {num_kept:,} documents)"
        then = "they were dropped as a whole" if dedupe["num_forked"] else "dedup.forks.drop would drop them as a whole"
        text = f"has {share} in repositories that are mostly duplicates of others: forks/ names them, {then}"
        yield _found(NOTE, "forks", text, name)
    if dedupe["cut_bytes"]:
        part = dedupe["cut_bytes"] / curate["kept_bytes"]
        place = f"{dedupe['num_cut_spans']:,} places in {dedupe['num_cut_documents']:,} documents"
        text = f"loses {100 * part:.1f} % of its text as common lines or runs ({place})"
        yield _found(WARNING if part > MAX_CUT_FRACTION else NOTE, "cuts", f"{text}; cuts/ says which", name)
    if curate["num_broken"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(curate["broken"].items()))
        text = f"has {curate['num_broken']:,} broken records of {num_documents:,} ({reasons}); decisions/ says where"
        yield _found(WARNING, "broken", text, name)


def _mixed(source: dict[str, Any]) -> Iterator[Found]:
    name, mixture = source["name"], source["mixture"]
    if mixture is None:
        return
    if mixture["epochs"] > MAX_EPOCHS:
        text = f"is seen {mixture['epochs']:.1f} times; beyond some {MAX_EPOCHS:g} epochs, repeated tokens teach much less than new ones"
        yield _found(WARNING, "epochs", text, name)
    if mixture["binds"]:
        text = f"binds: the stream ends where it has given all that max_epochs = {mixture['max_epochs']:g} allows"
        yield _found(NOTE, "binds", f"{text}; more of it, or a higher cap, makes the whole stream longer", name)
