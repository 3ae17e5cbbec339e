"""Shingle sets and Jaccard similarities the slow way: independent of the kernels that they judge."""

import argparse
import ast
import difflib
import inspect
import re
import tarfile
from typing import NamedTuple

import numpy as np

from pipeline.dedup.lsh import BandRecords, BucketStatistics, Edges, bucket_edges
from pipeline.dedup.params import NearParams

TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


def shingle_set(text: str, *, ngram_tokens: int = 5, fold_case: bool = False) -> set[tuple[bytes, ...]]:
    data = text.encode()
    tokens = TOKEN.findall(data.lower() if fold_case else data)  # bytes.lower knows ASCII alone
    if not tokens:
        return {(b"", data), (b"", data, b"again")}
    found = {tuple(tokens[i : i + ngram_tokens]) for i in range(max(1, len(tokens) - ngram_tokens + 1))}
    return found if len(found) > 1 else {*found, (*next(iter(found)), b"again")}  # an only shingle counts as two


def jaccard(left: set, right: set) -> float:
    return len(left & right) / len(left | right)


def source_files() -> list[str]:
    """Some 10,000 lines of real code: what Python brings along."""
    return [inspect.getsource(module) for module in (argparse, ast, difflib, inspect, re, tarfile)]


def edited(text: str, *, edit_fraction: float, seed: int) -> str:
    """The text with a share of its lines replaced."""
    lines = text.splitlines()
    luck = np.random.default_rng(seed).random(len(lines))
    return "\n".join(f"changed_{seed}_{i} = {i} * offset_{i}" if luck[i] < edit_fraction else line for i, line in enumerate(lines))


def first_independent_set(num_nodes: int, edges: dict[tuple[int, int], float]) -> list[tuple[int | None, float]]:
    """Down the priorities: a node stays if none that stays is its neighbour; else its keeper is the most similar of these.

    Returns:
        (keeper, similarity) of each node; None and NaN: it stays.
    """
    fates: list[tuple[int | None, float]] = []
    for node in range(num_nodes):
        similar = [(-edges[other, node], other) for other in range(node) if fates[other][0] is None and (other, node) in edges]
        fates.append((min(similar)[1], -min(similar)[0]) if similar else (None, float("nan")))
    return fates


class AllEdges(NamedTuple):
    """What bucket_edges gives, its batches joined."""

    high: np.ndarray
    low: np.ndarray
    similarity: np.ndarray
    statistics: BucketStatistics


def all_edges(records: BandRecords, *, params: NearParams) -> AllEdges:
    statistics, batches = bucket_edges(records, params=params)
    nothing = Edges(records.node[:0], records.node[:0], np.empty(0, np.float32))
    joined = [np.concatenate(columns) for columns in zip(*(vars(batch).values() for batch in (nothing, *batches)), strict=True)]
    return AllEdges(*joined, statistics)
