"""Synthetic shards and a model to train on them in seconds."""

import hashlib
import json
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter

from pipeline.records import WRITER_OPTIONS, encode_records
from trainer.config import ModelParams, TrainParams

S, V = 32, 48
MODEL = ModelParams(num_layers=2, d_model=32, num_heads=4, num_kv_heads=2, d_ff=64)
SOURCES = ["code", "text"]


def train_params(**changes) -> TrainParams:
    """Small and quick; float32, so that two ways to compute the same thing differ by rounding alone."""
    small = {"model": MODEL, "batch_sequences": 8, "warmup_steps": 2, "learning_rate": 1e-2, "compute_dtype": "float32", "fsdp": 1}
    return TrainParams(**{**small, "log_interval": 100, "checkpoint_interval": 100, **changes})


def learnable_tokens(num_sequences: int) -> np.ndarray:
    """uint16 [n, S]: each token mostly decides the next one."""
    random = np.random.default_rng(7)
    successor = random.permutation(V)
    tokens = np.empty((num_sequences, S), np.uint16)
    tokens[:, 0] = random.integers(0, V, num_sequences)
    for place in range(1, S):
        noise = random.random(num_sequences) < 0.1
        tokens[:, place] = np.where(noise, random.integers(0, V, num_sequences), successor[tokens[:, place - 1]])
    return tokens


def write_sequences(folder: Path, tokens: np.ndarray, *, rows_by_shard: int = 20, **changes) -> Path:
    """Shards of the tokens, two documents and some padding a sequence, sources in turn; `changes` go into the manifest."""
    n, S = tokens.shape
    records = encode_records(
        tokens,
        segment_lengths=np.tile([S // 2, S // 2 - 2], n),
        segment_offsets=2 * np.arange(n + 1),
        sources=np.arange(n) % len(SOURCES),
        phases=np.zeros(n, int),
    )
    folder.mkdir(parents=True)
    files = []
    for number, start in enumerate(range(0, n, rows_by_shard)):
        part = records[start : start + rows_by_shard]
        path = folder / f"shard-{number:05d}-0123456789abcdef.arrayrecord"
        writer = ArrayRecordWriter(str(path), WRITER_OPTIONS)
        for record in part:
            writer.write(record)
        writer.close()
        data = path.read_bytes()
        files.append({"name": path.name, "num_rows": len(part), "num_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {
        "dataset": "sequences",
        "fingerprint": "0123456789abcdef",
        "record_version": 1,
        "sequence_length": S,
        "vocab_size": V,
        "tokenizer": "ab" * 32,
        "special_ids": {"pad": 0, "bos": 1, "eos": 2},
        "sources": SOURCES,
        "num_sequences": n,
        "num_sequences_by_source": {"code": n - n // 2, "text": n // 2},
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder
