"""The script that the API was made for, letter for letter, with a tiny model in the place of the small one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import openflan as of
from openflan.model import default

SCRIPT = """
import openflan as of

print(of.show("copa", template=3))                                    # prompts on real rows, the labelled part marked
mix  = of.mixture("flan62", hold_out="sentiment", source="samples")   # .table .held_out .left_out
rows = mix.pack(model="smollm2-135m-instruct", row_length=512)        # .tokens .fill .dropped
run    = of.train("smollm2-135m-instruct", mix, tokens=65_536, adapter=of.Lora(rank=16), out="runs/nb")
before = of.evaluate("smollm2-135m-instruct", mix.held_out, rows=64)  # .to_pandas() .prompts
after  = of.evaluate(run.model, mix.held_out, rows=64)                # its format is read from its folder
of.compare(before, after)                                             # a table here and in a notebook; .plot()
"""


def save_word_model(folder: Path) -> Path:
    """A tiny Llama that reads words, so that prompts are short; returns its folder."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(vocab_size=500, special_tokens=["<eos>", "<pad>", "<unk>"], show_progress=False)
    tokenizer.train_from_iterator((f"{one.input} {one.target}" for one in of.show("sst2", rows=20)), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>", unk_token="<unk>")
    fast.save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=500, **sizes, max_position_embeddings=2048, bos_token_id=None, eos_token_id=0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_the_script_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    tiny = save_word_model(tmp_path / "tiny")
    monkeypatch.setattr(default, "small_model", lambda on_bytes=None: tiny)
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {}
    exec(SCRIPT, made)
    assert "▶ " in capsys.readouterr().out
    mix, rows, run, before, after = (made[name] for name in ("mix", "rows", "run", "before", "after"))

    assert list(mix.held_out) == ["imdb", "sentiment140", "sst2", "yelp_polarity"]
    assert len(mix.table) == len(mix.rows.parts)
    assert set(mix.left_out) >= set(mix.held_out)
    assert rows.tokens.shape[1] == 512 and 0.5 < rows.fill <= 1 and rows.dropped.total() >= 0
    assert run.result.step * 2048 == 65_536
    assert run.model == "runs/nb/model"
    for evaluation in (before, after):
        assert list(evaluation.to_pandas()["dataset"]) == list(mix.held_out)
        assert evaluation.prompts.num_rows == sum(evaluation.to_pandas().eval("rows * templates"))
    comparison = of.compare(before, after)
    assert "sst2" in repr(comparison) and comparison._repr_html_() == comparison.plot().svg


def test_importing_the_package_imports_next_to_nothing():
    """What numpy, rich and pydantic take comes with the first name that is used."""
    code = "import sys; before = set(sys.modules); import openflan; print(len(set(sys.modules) - before))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 60
