import jax
import numpy as np
import pytest

from pipeline.params import UsageError
from tests.trainer.synthetic import SOURCES, V, train_params
from trainer.data import Batch, open_stream
from trainer.mesh import batch_sharding, make_mesh
from trainer.optimizer import make_optimizer
from trainer.step import init_state, loss_and_gradient, make_train_step


@pytest.fixture
def batch(sequences) -> Batch:
    batch = next(open_stream(str(sequences(8)), train_params(warmup_steps=0)).batches(0))
    # Sequences with very different numbers of targets: a mean of the parts' means is far from the mean.
    return batch._replace(counted=batch.counted & (np.arange(batch.counted.shape[1]) < 4 * np.arange(1, 9)[:, None]))


def gradient(batch, **changes):
    params = train_params(**changes)
    mesh = make_mesh(params, V)
    weights = init_state(params, vocab_size=V, optimizer=make_optimizer(params, 9), mesh=mesh).weights
    batch = jax.device_put(batch, batch_sharding(mesh))
    return jax.jit(lambda w, b: loss_and_gradient(w, b, params=params, num_sources=len(SOURCES), mesh=mesh))(weights, batch)


def assert_close(ours, others):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), jax.device_get(ours), jax.device_get(others))


def test_four_micro_batches_give_the_loss_and_the_gradient_of_one_batch(batch):
    assert_close(gradient(batch, micro_batches=4), gradient(batch))


def test_the_loss_by_source_is_the_loss_of_the_source_alone(batch):
    both, _ = gradient(batch)
    alone, _ = gradient(batch._replace(counted=batch.counted & (batch.sources == 1)[:, None]))
    np.testing.assert_allclose(both.loss[1], alone.loss[1], rtol=1e-6)
    assert (alone.loss[0], alone.counted[0]) == (0, 0)


@pytest.mark.parametrize("axes", [{"fsdp": 2}, {"tensor": 2}], ids=["fsdp", "tensor"])
def test_two_devices_give_the_losses_of_one(batch, axes):
    losses = []
    for changes in ({}, {**axes, "micro_batches": 2}):
        params = train_params(**changes)
        mesh, optimizer = make_mesh(params, V), make_optimizer(params, 9)
        state = init_state(params, vocab_size=V, optimizer=optimizer, mesh=mesh)
        step = make_train_step(params, num_sources=len(SOURCES), optimizer=optimizer, mesh=mesh)
        run = []
        for _ in range(4):
            state, sums = step(state, jax.device_put(batch, batch_sharding(mesh)))
            run.append(float(sums.loss.sum()))
        losses.append(run)
        # A mesh that shards nothing would pass as well: a device holds its share of the large weights.
        weight = state.weights["layers"]["gate_LxDxF"]
        assert weight.addressable_shards[0].data.size * mesh.size == weight.size
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fsdp": 4}, "4 x 1, there are 2 devices"),
        ({"tensor": 4, "fsdp": None}, "there are 2 devices"),
        ({"batch_sequences": 3, "fsdp": None}, "trainer.batch_sequences"),
    ],
)
def test_a_mesh_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        make_mesh(train_params(**changes), V)


def test_a_vocabulary_that_tensor_does_not_divide_is_refused():
    with pytest.raises(UsageError, match="vocab_size of the sequences is 49"):
        make_mesh(train_params(tensor=2), 49)
