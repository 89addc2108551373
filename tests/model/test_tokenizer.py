"""A tokenizer read from its folder alone is the one that transformers makes of it."""

import json
import subprocess
import sys

import pytest
from small_models import byte_tokenizer
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from openflan.data.encode import Format
from openflan.data.stream import tokenizer_fingerprint
from openflan.errors import ModelError
from openflan.model.encoder import encoder_for
from openflan.model.load import load_tokenizer
from openflan.model.tokenizer import FolderTokenizer, read_tokenizer

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% generation %}{{ m.content }}{% endgeneration %}"
    "{{ '<|im_end|>' }}\n{% if loop.last %}{% break %}{% endif %}{% endfor %}"
)
TEXTS = [
    ("the cat sat on", "a mat"),
    ("", "rain"),
    ("a\n\n b  c\t", " d "),
    ("naïve 日本 🙂 <eos> <|im_end|> <new>", "<bos>x"),
]


def of_bytes(**settings):
    backend = Tokenizer.from_str(byte_tokenizer().to_str())
    backend.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>", **settings)


def of_words():
    words = {"<pad>": 0, "<eos>": 1, "<bos>": 2, **{f"w{number}": number for number in range(3, 40)}}
    backend = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", bos_token="<bos>", unk_token="<pad>", pad_token="<pad>"
    )


def with_more_tokens():
    made = of_bytes(additional_special_tokens=["<|im_end|>", "<extra>"])
    made.add_tokens([AddedToken("<new>", lstrip=True, normalized=False)])
    return made


MADE = {"bytes": of_bytes, "words": of_words, "more tokens": with_more_tokens}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("join", ["eos", "newline", "space", "chat"])
def test_it_is_the_tokenizer_that_transformers_makes(name, join, tmp_path):
    made = MADE[name]()
    made.chat_template = CHATML
    made.save_pretrained(tmp_path)
    ours, theirs = read_tokenizer(tmp_path), load_tokenizer(tmp_path)
    assert isinstance(ours, FolderTokenizer)
    assert ours.chat_template == theirs.chat_template
    assert ours.eos_token_id == theirs.eos_token_id
    assert ours.special_tokens_map == {key: str(one) for key, one in theirs.special_tokens_map.items() if key in NAMES}
    assert ours.backend_tokenizer.to_str() == theirs.backend_tokenizer.to_str()
    first, second = encoder_for(ours, Format(join)), encoder_for(theirs, Format(join))
    assert first.pairs(TEXTS) == second.pairs(TEXTS)
    assert first.prefixes([text for text, _ in TEXTS]) == second.prefixes([text for text, _ in TEXTS])
    assert (first.chat, first.ends, first.eos) == (second.chat, second.ends, second.eos)
    assert tokenizer_fingerprint(first) == tokenizer_fingerprint(second)


NAMES = {"bos_token", "eos_token", "unk_token", "pad_token"}


def test_it_is_the_small_models_own(small_model):
    ours, theirs = read_tokenizer(small_model), load_tokenizer(small_model)
    assert isinstance(ours, FolderTokenizer)
    assert ours.backend_tokenizer.to_str() == theirs.backend_tokenizer.to_str()
    first, second = (encoder_for(one, Format("chat")) for one in (ours, theirs))
    assert first.pairs(TEXTS) == second.pairs(TEXTS)


def test_a_family_with_code_of_its_own_is_left_to_transformers(tmp_path):
    of_bytes().save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "GPT2Tokenizer"}))
    assert not isinstance(read_tokenizer(tmp_path), FolderTokenizer)


def test_templates_by_name_are_found_in_files_and_settings(tmp_path):
    made = of_bytes()
    made.chat_template = {"default": CHATML, "plain": "{{ messages }}"}
    made.save_pretrained(tmp_path)
    assert read_tokenizer(tmp_path).chat_template == made.chat_template == load_tokenizer(tmp_path).chat_template


def test_a_damaged_file_is_one_sentence(tmp_path):
    of_bytes().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": 3}')
    with pytest.raises(ModelError, match=r"the tokenizer in .* cannot be read"):
        read_tokenizer(tmp_path)


def test_neither_torch_nor_transformers_is_imported(tmp_path):
    of_bytes().save_pretrained(tmp_path)
    code = (
        "import sys; from openflan.model.encoder import encoder_for; from openflan.data.encode import Format\n"
        f"encoder_for({str(tmp_path)!r}, Format()).pairs([('a', 'b')])\n"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr
