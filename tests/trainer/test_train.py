import json
import os
import signal
import threading
import time

import pytest

from pipeline.params import RunError, UsageError
from tests.trainer.synthetic import MODEL, learnable_tokens, train_params, write_sequences
from trainer.train import train

CLOCK = {"seconds", "tokens_per_second", "tokens_per_second_per_device", "data_wait_seconds"}


def metrics(output):
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in CLOCK} for line in lines]


def run(folder, output, *, resume=False, **changes):
    return train(train_params(**{"compute_dtype": "bfloat16", **changes}), sequences=str(folder), output=str(output), resume=resume)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_sequences(tmp_path_factory.mktemp("data") / "sequences", learnable_tokens(200))


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    """A run without a break, that others are compared to."""
    output = tmp_path_factory.mktemp("whole")
    summary = run(folder, output, checkpoint_interval=10)
    assert (summary.steps_done, summary.interrupted) == (25, False)
    return output


def weights_file(output, step):
    """The last checkpoint's arrays, through orbax and not through our reader."""
    import orbax.checkpoint as ocp

    return ocp.StandardCheckpointer().restore((output / "checkpoints" / str(step) / "state").resolve())


def assert_same_run(output, whole):
    import jax
    import numpy as np

    assert metrics(output) == metrics(whole)
    jax.tree.map(np.testing.assert_array_equal, weights_file(output, 25), weights_file(whole, 25))


def test_the_loss_falls_for_every_source(whole):
    lines = metrics(whole)
    assert [line["step"] for line in lines] == list(range(1, 26))
    for source in ("code", "text"):
        assert lines[-1]["loss_by_source"][source] < 0.6 * lines[0]["loss_by_source"][source]


def test_a_resumed_run_is_the_same_bit_for_bit(folder, whole, tmp_path):
    import shutil

    output = tmp_path / "output"
    shutil.copytree(whole, output)
    for step in (20, 25):  # as if the run had died between steps 10 and 20
        shutil.rmtree(output / "checkpoints" / str(step))
    run(folder, output, resume=True, checkpoint_interval=10)
    assert_same_run(output, whole)


def test_sigterm_saves_and_the_rest_of_the_run_is_the_same_bit_for_bit(folder, whole, tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def terminate():
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGTERM)

    killer = threading.Thread(target=terminate)
    killer.start()
    summary = run(folder, tmp_path)
    killer.join()
    assert summary.interrupted
    assert 1 <= summary.steps_done < 25
    assert signal.getsignal(signal.SIGTERM) is before
    assert run(folder, tmp_path, resume=True).steps_done == 25
    assert_same_run(tmp_path, whole)


def test_a_finished_run_has_nothing_left_to_resume(folder, whole):
    before = metrics(whole)
    assert run(folder, whole, resume=True).steps_done == 25
    assert metrics(whole) == before


def test_a_run_that_has_begun_is_not_overwritten_and_not_resumed_as_another(folder, whole, tmp_path):
    with pytest.raises(UsageError, match="has a checkpoint of step 25: resume it"):
        run(folder, whole)
    with pytest.raises(UsageError, match=r"trainer\.batch_sequences is 4, .* it was 8"):
        run(folder, whole, resume=True, batch_sequences=4)
    with pytest.raises(UsageError, match=r"trainer\.model is"):
        run(folder, whole, resume=True, model=MODEL.model_copy(update={"d_ff": 96}))
    other = write_sequences(tmp_path / "other", learnable_tokens(200), fingerprint="ffff")
    with pytest.raises(UsageError, match="fingerprint of the sequences is ffff"):
        run(other, whole, resume=True)


def test_a_loss_that_is_not_finite_stops_the_run_with_the_step_and_its_sequences(folder, tmp_path):
    with pytest.raises(RunError, match=r"step \d+: (loss|gradient_norm) is nan, in sequences \d+ to \d+: segments/ says"):
        run(folder, tmp_path, learning_rate=1e30)
