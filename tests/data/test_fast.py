import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from openflan.data.encode import Encoder, Format
from openflan.data.fast import PROBES, accelerate
from openflan.data.stream import tokenizer_fingerprint

TEXTS = ["Premise: the cat sat on the mat.\n\nOPTIONS:\n- yes\n- no", "Übersetzung: das Haus, die Häuser"]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return tokenizer


def test_the_fast_tokenizer_gives_the_same_sequences_and_fingerprint():
    pytest.importorskip("gigatoken")
    reference = Encoder(byte_level(), Format(), eos=0)
    fast, reason = accelerate(reference, TEXTS)
    assert reason is None
    assert fast.tokenizer is not reference.tokenizer
    pairs = [(text, "yes") for text in [*TEXTS, *PROBES]]
    assert fast.pairs(pairs) == reference.pairs(pairs)
    assert fast.decode([5, 6, 7]) == reference.decode([5, 6, 7])
    assert tokenizer_fingerprint(fast) == tokenizer_fingerprint(reference)


def test_a_tokenizer_it_does_not_know_stays_with_the_reference():
    words = Tokenizer(models.WordLevel({"<unk>": 0, "yes": 1}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    encoder = Encoder(words, Format(), eos=0)
    same, reason = accelerate(encoder, TEXTS)
    assert same is encoder
    assert "gigatoken" in reason
