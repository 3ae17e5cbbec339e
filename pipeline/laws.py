"""The laws that every job checks before it writes a manifest; one that fails stops the run with the numbers on both sides."""

from collections.abc import Mapping
from typing import Any

from pipeline.params import LawBroken


def equal(what: str, left: Mapping[str, int], right: Mapping[str, int]) -> None:
    """Both sides' terms add up to the same number.

    Raises:
        LawBroken: with every term.
    """
    if sum(left.values()) != sum(right.values()):
        raise LawBroken(f"{what}: {_terms(left)} is not {_terms(right)}")


def check_documents(source: str, counts: Mapping[str, Any]) -> None:
    """Documents in = kept + dropped by reason + broken by reason."""
    out = {"kept": counts.get("num_kept", 0)}
    out |= {f"dropped by {reason}": count for reason, count in counts.get("dropped", {}).items()}
    out |= {f"broken: {reason}": count for reason, count in counts.get("broken", {}).items()}
    equal(f"documents of source {source}", {"in": counts.get("num_documents", 0)}, out)


def check_survivors(source: str, curated: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """Documents that curate kept = survivors + copies + near-duplicates + those that went with the fork that they are in."""
    out = {name: counts.get(f"num_{name}", 0) for name in ("survivors", "copies", "near_duplicates", "forked")}
    equal(f"documents of source {source} in dedupe", {"kept by curate": curated.get("num_kept", 0)}, out)


def check_verified(chosen: Mapping[str, Any], verified: Mapping[str, Any]) -> None:
    """Every pair that was chosen for an exact check has got one."""
    equal("pairs near the threshold", {"to check": chosen.get("num_checks", 0)}, {"checked": verified.get("num_verified", 0)})


def check_tokenized(source: str, deduped: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """Survivors = documents with tokens."""
    equal(
        f"documents of source {source} in tokenize",
        {"survivors": deduped.get("num_survivors", 0)},
        {"tokenized": counts.get("num_documents", 0)},
    )


def check_trainable(source: str, tokenized: Mapping[str, Any], plan: Mapping[str, int], *, num_markers: int) -> None:
    """`tokens/`, with BOS and EOS = trainable + removed."""
    markers = tokenized.get("num_documents", 0) * num_markers
    equal(
        f"tokens of source {source} to train on",
        {"in tokens/": tokenized.get("num_tokens", 0), "BOS and EOS": markers},
        {"trainable": plan["trainable_tokens"], "removed": plan["removed_tokens"]},
    )


def check_packed(source: str, plan: Mapping[str, int], packed_tokens: int, *, sequence_length: int) -> None:
    """Trainable x whole epochs + prefix of the last one, BOS and EOS among them = tokens in sequences + tail; sequences are full."""
    equal(
        f"tokens of source {source} in pack",
        {
            f"{plan['trainable_tokens']:,} x {plan['whole_epochs']:,} epochs": plan["trainable_tokens"] * plan["whole_epochs"],
            "prefix of the last epoch": plan["prefix_tokens"],
        },
        {"in sequences": packed_tokens, "tail dropped": plan["tail_tokens"]},
    )
    equal(
        f"places of source {source} in sequences",
        {f"{plan['num_sequences']:,} sequences x {sequence_length:,}": plan["num_sequences"] * sequence_length},
        {"tokens": packed_tokens},
    )


def _terms(side: Mapping[str, int]) -> str:
    return " + ".join(f"{count:,} ({name})" for name, count in side.items())
