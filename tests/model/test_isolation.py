import copy

import numpy as np
import pytest
import torch
from small_models import small_model_of
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from openflan.data.encode import Encoded, Format
from openflan.data.pack import pack
from openflan.errors import ModelError
from openflan.model.encoder import encoder_for
from openflan.model.isolation import Packed, hidden_states, isolate
from openflan.model.load import load_model

torch.set_num_threads(1)

VOCABULARY, ROW = 96, 32
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "bos_token_id": None,
    "eos_token_id": 1,
}
GROUPED = {**SMALL, "num_key_value_heads": 2}
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 64}
MODELS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=8)),
    "mistral with a window": lambda: MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=4)),
    "gpt-neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SMALL)),
    "gpt-2": lambda: GPT2LMHeadModel(GPT2Config(**GPT2, bos_token_id=None, eos_token_id=1)),
}


MODELS |= {family: lambda family=family: copy.deepcopy(small_model_of(family)) for family in ("gemma2", "gpt_oss")}


def made(name):
    torch.manual_seed(0)
    return MODELS[name]().eval()


def examples(seed=0, lengths=(5, 9, 13, 30, 7, 20, 1)):
    random = np.random.default_rng(seed)
    return [Encoded(random.integers(1, VOCABULARY, length).tolist(), max(1, length - 3)) for length in lengths]


def packed_states(model, rows):
    """Hidden states of each sequence of the rows, in the order of `rows.sequences()`."""
    isolate(model)
    states = hidden_states(model, Packed.of(rows)).reshape(*rows.tokens.shape, -1)
    found = []
    for row, segments in zip(states, torch.from_numpy(rows.segments), strict=True):
        found += [row[segments == number] for number in range(1, int(segments.max()) + 1)]
    return found


@pytest.mark.parametrize("name", MODELS)
def test_packed_states_are_those_of_separate_examples(name):
    model, rows = made(name), pack(examples(), ROW)
    with torch.no_grad():
        separate = [
            model.base_model(input_ids=torch.tensor([sequence.tokens]), use_cache=False).last_hidden_state[0]
            for sequence in rows.sequences()
        ]
        for alone, packed in zip(separate, packed_states(model, rows), strict=True):
            torch.testing.assert_close(packed, alone, atol=1e-5, rtol=1e-5)


def test_an_example_does_not_move_when_its_neighbours_change():
    fixed = examples(lengths=(10,))[0]
    with torch.no_grad():
        states = []
        for seed in (1, 2):
            rows = pack([fixed, *examples(seed, lengths=(9, 8))], ROW)
            assert len(rows) == 1
            states.append(packed_states(made("llama"), rows)[0])
    assert torch.equal(*states)


def test_positions_begin_anew_in_every_segment():
    batch = Packed.of(pack([Encoded([1, 2, 3], 1), Encoded([4, 5], 1)], 8))
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 0, 1, 2]]
    assert batch.segments.sizes == (3, 2, 3)
    assert batch.segments.bounds.tolist() == [0, 3, 5, 8]
    assert batch.sources.tolist() == [0, 1, 3]
    assert batch.targets.tolist() == [2, 3, 5]


def test_a_model_with_an_attention_of_its_own_is_refused():
    with pytest.raises(ModelError, match="cannot keep packed examples apart"):
        isolate(BloomForCausalLM(BloomConfig(vocab_size=96, hidden_size=32, n_layer=1, n_head=4)))


def test_a_forward_without_segments_is_refused():
    model = made("llama")
    isolate(model)
    with pytest.raises(ModelError, match="segments"):
        model(input_ids=torch.tensor([[1, 2, 3]]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["llama", "qwen3", "mistral with a window", "gpt-neox"])
def test_the_gpu_backend_gives_the_states_of_separate_examples(name):
    rows = pack(examples(), ROW)
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
        model = made(name).cuda()
        separate = [
            model.base_model(input_ids=torch.tensor([sequence.tokens]).cuda(), use_cache=False).last_hidden_state[0]
            for sequence in rows.sequences()
        ]
        isolate(model)
        states = hidden_states(model, Packed.of(rows, "cuda")).reshape(*rows.tokens.shape, -1)
    segments = torch.from_numpy(rows.segments).cuda()
    packed = [
        states[row][segments[row] == number]
        for row in range(len(rows))
        for number in range(1, int(segments[row].max()) + 1)
    ]
    for alone, together in zip(separate, packed, strict=True):
        torch.testing.assert_close(together.float(), alone.float(), atol=0.05, rtol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_backends_agree_in_gradients():
    found = []
    for precision in (torch.float32, torch.bfloat16):
        model = made("llama").cuda().train()
        isolate(model)
        with torch.autocast("cuda", precision, enabled=precision is not torch.float32):
            states = hidden_states(model, Packed.of(pack(examples(), ROW), "cuda"))
        states.float().square().mean().backward()
        found.append(torch.cat([weight.grad.float().flatten() for weight in model.model.parameters()]))
    assert torch.nn.functional.cosine_similarity(*found, dim=0) > 0.999


def test_the_small_real_model_keeps_packed_examples_apart(small_model):
    model = load_model(small_model, dtype="float32", device="cpu")
    texts = [("Is the sky blue?", "yes"), ("Translate to French: cat", "chat"), ("2 + 2 =", "4")]
    rows = pack(encoder_for(small_model, Format()).pairs(texts), 64)
    with torch.no_grad():
        separate = [
            model.base_model(input_ids=torch.tensor([sequence.tokens]), use_cache=False).last_hidden_state[0]
            for sequence in rows.sequences()
        ]
        for alone, packed in zip(separate, packed_states(model, rows), strict=True):
            torch.testing.assert_close(packed, alone, atol=1e-3, rtol=1e-3)
