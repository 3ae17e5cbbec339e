import numpy as np
import pytest

from pipeline.params import RunError, UsageError
from tests.trainer.synthetic import S, V, learnable_tokens, train_params
from trainer.data import open_stream


def read(folder, start_step=0, **changes):
    stream = open_stream(str(folder), train_params(**changes))
    return list(stream.batches(start_step))


def test_batches_come_in_the_order_of_the_files_and_leave_out_the_rest(sequences):
    batches = read(sequences(50))
    np.testing.assert_array_equal(np.concatenate([b.tokens for b in batches]), learnable_tokens(50)[:48])
    np.testing.assert_array_equal(np.concatenate([b.sources for b in batches]), np.arange(48) % 2)
    assert not batches[0].counted[:, -2:].any()
    assert batches[0].counted[:, :-2].all()


def test_a_step_has_the_same_batch_wherever_reading_starts(sequences):
    folder = sequences(50)
    whole = read(folder, epochs_over_shards=2)
    assert len(whole) == 12
    for start in (5, 6, 11):
        for batch, other in zip(read(folder, start, epochs_over_shards=2), whole[start:], strict=True):
            for column, same in zip(batch, other, strict=True):
                np.testing.assert_array_equal(column, same)


def test_a_second_pass_repeats_the_first_and_its_steps_name_the_same_sequences(sequences):
    stream = open_stream(str(sequences(50)), train_params(epochs_over_shards=2))
    batches = list(stream.batches(0))
    np.testing.assert_array_equal(batches[7].tokens, batches[1].tokens)
    assert stream.sequences_of(7) == stream.sequences_of(1) == range(8, 16)
    np.testing.assert_array_equal(batches[7].tokens, learnable_tokens(50)[list(stream.sequences_of(7))])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_length": 64}, "trainer.sequence_length is 64, .* says 32"),
        ({"tokenizer": "cd" * 32}, "trainer.tokenizer"),
        ({"model": "llama2_7b"}, "trainer.model.vocab_size is 32000, .* says 48"),
        ({"steps": 7}, r"trainer.steps is 7, the data ends after 6 steps .*epochs_over_shards"),
        ({"batch_sequences": 64}, "trainer.batch_sequences is 64, the data has 50"),
        ({"warmup_steps": 6}, "trainer.warmup_steps is 6, the run has 6"),
    ],
)
def test_a_config_that_the_manifest_does_not_match_is_refused_with_its_field(sequences, changes, message):
    with pytest.raises(UsageError, match=message):
        open_stream(str(sequences(50)), train_params(**changes))


def test_a_truncated_or_missing_shard_and_a_missing_manifest_are_refused(sequences):
    folder = sequences(50)
    shard = sorted(folder.glob("*.arrayrecord"))[1]
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    with pytest.raises(RunError, match=rf"{shard.name}: num_bytes is {len(data) - 1}, the manifest says {len(data)}"):
        open_stream(str(folder), train_params())
    shard.unlink()
    with pytest.raises(RunError, match=rf"{shard.name} is in the manifest and not on disk"):
        open_stream(str(folder), train_params())
    (folder / "manifest.json").unlink()
    with pytest.raises(UsageError, match=r"manifest\.json"):
        open_stream(str(folder), train_params())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_length": 2 * S}, "sequence 0 .* 32 tokens, sequence_length in the manifest is 64"),
        ({"vocab_size": V // 2}, "vocab_size in the manifest is 24"),
        ({"sources": ["code"]}, "sequence 1 .* source 1"),
    ],
)
def test_records_that_the_manifest_does_not_describe_stop_the_run_with_their_number(sequences, changes, message):
    with pytest.raises(RunError, match=message):
        read(sequences(50, **changes), reading_threads=1)
