import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import BOS, EOS, byte_encoder, byte_tokenizer

from openflan.data.encode import Chat, Encoder, Format

texts = st.text(alphabet="abc the\ncat é🙂'", min_size=1, max_size=30).filter(str.strip)
joins = st.sampled_from(["eos", "newline", "space"])


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4), joins)
def test_prefix_and_target_make_up_the_sequence(pairs, join):
    encoder = byte_encoder(join)
    stripped = [(text.strip(), target.strip()) for text, target in pairs]
    for (text, target), encoded in zip(stripped, encoder.pairs(stripped), strict=True):
        assert 0 < encoded.start < len(encoded.tokens)
        assert encoded.tokens[-1] == EOS
        assert encoder.decode(encoded.tokens[encoded.start :]) == target
        if join == "eos":
            assert encoded.tokens[: encoded.start] == encoder.prefixes([text])[0]
            assert encoded.tokens[encoded.start - 1] == EOS


@given(texts, texts)
def test_space_splits_where_lm_eval_does(context, option):
    """As lm-eval's causal models: white space that ends the context moves into the continuation, then the length of the
    context's own tokens is the split. Its pre-tokenizer never merges over a space, nor does ours here.
    """
    option = option.strip()
    encoded = byte_encoder("space").options(context, [option])[0]
    spaces = len(context) - len(context.rstrip())
    kept, continuation = context[: len(context) - spaces], context[len(context) - spaces :] + f" {option}"
    whole = byte_tokenizer().encode(kept + continuation).ids
    assert encoded.tokens == whole
    assert encoded.start == len(byte_tokenizer().encode(kept).ids)


def test_only_plain_continuations_are_scored_without_the_end():
    for join, ends in (("eos", True), ("newline", True), ("space", False)):
        assert (byte_encoder(join).options("the cat", ["sat"])[0].tokens[-1] == EOS) is ends


def test_a_straddling_token_belongs_to_the_target():
    tokenizer = byte_tokenizer()
    assert len(tokenizer.encode("cat").ids) == 1
    chat = Encoder(tokenizer, Format(join="chat"), eos=EOS, chat=Chat("", ""))
    tokens, start = chat.pairs([("the c", "at")], end=False)[0]
    assert tokens == tokenizer.encode("the cat").ids
    assert tokenizer.decode(tokens[start:]).strip() == "cat"


def test_bos_opens_every_sequence():
    encoder = byte_encoder("eos", bos=BOS)
    assert encoder.pairs([("the", "cat")])[0].tokens[0] == BOS
    assert encoder.prefixes(["the"])[0][0] == BOS


def test_chat_needs_a_template():
    with pytest.raises(ValueError, match="chat template"):
        Encoder(byte_tokenizer(), Format(join="chat"), eos=EOS)
