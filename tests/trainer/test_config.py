import subprocess
import sys

import pytest
from pydantic import ValidationError

from trainer.config import PRESETS, ModelParams, TrainParams
from trainer.model import count_weights


def test_the_config_is_read_without_importing_jax():
    code = "import sys, trainer.config; print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(("preset", "published"), [("llama2_7b", 6_738_415_616), ("llama2_70b", 68_976_648_192)])
def test_llama_presets_have_as_many_weights_as_the_released_models(preset, published):
    assert count_weights(PRESETS[preset], PRESETS[preset].vocab_size) == published


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "smal"}, "name one of tiny, small"),
        ({"batch_sequences": 6, "micro_batches": 4}, "multiple of micro_batches"),
        ({"model": {"num_layers": 1, "d_model": 30, "num_heads": 4, "num_kv_heads": 4, "d_ff": 8}}, "d_model 30"),
        ({"model": {"num_layers": 1, "d_model": 32, "num_heads": 4, "num_kv_heads": 3, "d_ff": 8}}, "num_kv_heads 3"),
    ],
)
def test_sizes_that_do_not_fit_each_other_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        TrainParams(**wrong)


def test_explicit_sizes_stand_for_a_preset():
    sizes = PRESETS["tiny"].model_dump()
    assert TrainParams(model=sizes).sizes == ModelParams(**sizes) == TrainParams(model="tiny").sizes
