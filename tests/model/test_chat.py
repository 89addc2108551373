"""Chats are joined as the tokenizer's own template joins them, and rows cannot end a turn."""

import time

import pytest
from small_models import byte_tokenizer
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from openflan import confined
from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.model.encoder import encoder_for

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content | trim }} [/INST]"
    "{% else %} {{ m.content | trim }}{{ eos_token }}{% endif %}{% endfor %}"
)
THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and not "
    "enable_thinking | default(true) %}<think>\n\n</think>\n\n{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}"
)
TODAY = "Today is {{ strftime_now('%d %b %Y') }}.\n" + CHATML
CLOSED = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)
CLOSED += "<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"


def tokenizer(template, **names):
    backend = Tokenizer.from_str(byte_tokenizer().to_str())
    backend.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    backend.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", bos_token="<bos>", pad_token="<pad>", **names
    )
    made.chat_template = template
    return made


def whole(made, input, answer, **arguments):
    messages = [{"role": "user", "content": input}, {"role": "assistant", "content": answer}]
    text = made.apply_chat_template(messages, tokenize=False, **arguments).rstrip("\n")
    return made(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("template", "options"),
    [(CHATML, {}), (MISTRAL, {}), (THINKING, {}), (THINKING, {"enable_thinking": False})],
)
def test_a_conversation_is_what_the_template_makes_of_it(template, options):
    made = tokenizer(template)
    encoder = encoder_for(made, Format("chat", chat=options))
    ((tokens, start),) = encoder.pairs([("the cat sat", "on a mat")])
    assert tokens == whole(made, "the cat sat", "on a mat", **options)
    assert encoder.prefixes(["the cat sat"]) == [tokens[:start]]
    assert encoder.decode(tokens[start:]) == "on a mat"
    assert tokens[-1] in encoder.ends


def test_the_answer_begins_after_what_the_template_writes_before_it():
    encoder = encoder_for(tokenizer(THINKING), Format("chat", chat={"enable_thinking": False}))
    ((tokens, start),) = encoder.pairs([("the cat", "sat")])
    assert encoder.tokenizer.decode(tokens[:start], skip_special_tokens=False).endswith("<think>\n\n</think>\n\n")
    ((tokens, start),) = encoder_for(tokenizer(MISTRAL), Format("chat")).pairs([("the cat", "sat")])
    assert encoder.tokenizer.decode(tokens[start:], skip_special_tokens=False) == " sat<eos>"


@pytest.mark.parametrize("join", ["chat", "eos", "newline", "space"])
def test_a_control_token_in_a_row_is_text(join):
    made = tokenizer(CHATML)
    encoder = encoder_for(made, Format(join))
    ((tokens, start),) = encoder.pairs([("the<|im_end|> cat<eos>", "sat <|im_start|> on")])
    ((plain, _),) = encoder.pairs([("the cat", "sat on")])
    controls = set(made.all_special_ids) | set(made.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"]))
    assert [token for token in tokens if token in controls] == [token for token in plain if token in controls]
    assert encoder.prefixes(["the<|im_end|> cat<eos>"]) == [tokens[:start]]
    assert "the<|im_end|> cat<eos>" in made.decode(tokens)
    assert encoder.controls("the<|im_end|> cat<eos>", "cat") == ["<|im_end|>", "<eos>"]


def test_a_part_of_a_template_that_is_no_special_token_is_control_in_rows_too():
    encoder = encoder_for(tokenizer(THINKING), Format("chat", chat={"enable_thinking": False}))
    ((tokens, _),) = encoder.pairs([("a <think> b", "c")])
    assert tokens.count(encoder.tokenizer.token_to_id("<think>")) == 1


def test_the_date_in_a_template_stands_still():
    made = tokenizer(TODAY)
    assert encoder_for(made, Format("chat")).chat.before.startswith("Today is 26 Jul 2024.\n")
    dated = encoder_for(made, Format("chat", chat={"today": "2025-01-02"}))
    assert dated.chat.before.startswith("Today is 02 Jan 2025.\n")
    with pytest.raises(ModelError, match="write a date as"):
        encoder_for(made, Format("chat", chat={"today": "soon"}))


def test_a_system_message_is_the_recipes():
    chat = encoder_for(tokenizer(CHATML), Format("chat", chat={"system": "Be brief."})).chat
    assert chat.before.startswith("<|im_start|>system\nBe brief.<|im_end|>\n")
    with pytest.raises(ModelError, match="System role not supported"):
        encoder_for(tokenizer(CLOSED), Format("chat", chat={"system": "Be brief."}))


def test_one_of_several_templates_is_named():
    made = tokenizer({"plain": CHATML, "thinking": THINKING})
    with pytest.raises(ModelError, match=r"has the chat templates plain, thinking, and none named 'default'"):
        encoder_for(made, Format("chat"))
    assert encoder_for(made, Format("chat", chat={"template": "plain"})).chat.end == "<|im_end|>"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ messages[0].content | upper }}{{ messages[1].content }}", "does not write out what is said"),
        ("{% if 'cat' %}", "cannot be used"),
        ("{{ messages[0].content | replace('é', 'e') }}|{{ messages[1].content }}", "rewrites it"),
        (None, "no chat template"),
    ],
)
def test_a_template_that_does_not_do_says_why(template, reason):
    with pytest.raises(ModelError, match=reason):
        encoder_for(tokenizer(template), Format("chat"))


def test_without_an_end_of_its_own_a_turn_ends_with_eos():
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    ((tokens, _),) = encoder_for(tokenizer(template), Format("chat")).pairs([("the cat", "sat")])
    assert tokens[-1] == 0


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 10**10 }}",
        "{{ 'a' | center(9999999999) }}",
        "{% set ns = namespace(x='aa') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x='aa') %}{% for a in range(60) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ lipsum(10000000) }}",
    ],
)
def test_a_template_without_end_or_measure_is_a_sentence_within_seconds(bomb, monkeypatch):
    monkeypatch.setattr(confined, "SECONDS", 1)
    monkeypatch.setattr(confined, "MEGABYTES", 256)
    began = time.process_time()
    with pytest.raises(ModelError, match=r"the chat template of .* cannot be used: "):
        encoder_for(tokenizer(CHATML + bomb), Format(join="chat"))
    assert time.process_time() - began < 5
