"""What works with which family of models: `python -m benchmarks.check_families` writes the table of docs/models.md.

Each tiny random model is scored against its own plain forward pass, trained for a few steps as a whole and with an
adapter, and asked through a chat template. What fails is told in the words that a user would see.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast
from transformers.utils import logging as library_logging

from benchmarks.families import FAMILIES, VOCABULARY
from openflan.data.encode import Encoder, Format
from openflan.data.pack import pack
from openflan.errors import ModelError
from openflan.evaluation.engines.shared_prefix import SharedEngine
from openflan.evaluation.scoring.interface import Failure, RankRequest
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.adapters import Lora, add_lora
from openflan.model.encoder import encoder_for
from openflan.training.loss import loss_for

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"

_TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<eos>{% endfor %}"
_WORDS = ["the", "cat", "sat", "on", "a", "mat", "while", "rain", "fell", "over", "old", "towns", "and", "people"]
_REQUESTS = [
    RankRequest(" ".join(_WORDS * times) + end, ("cat", "rain fell", "over the old"))
    for times, end in ((1, " and"), (1, " but"), (2, ""), (3, " then"))
]


def main() -> None:
    """Check every family and write the table."""
    library_logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lines = ["| family | scores | trains | LoRA | chat | why not |", "|---|---|---|---|---|---|"]
    for family in sorted(FAMILIES):
        lines.append(_line(family))
        print(lines[-1], flush=True)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


def _line(family: str) -> str:
    model, reasons = _made(family), dict[str, None]()

    def tried(work: Callable[[Any], str]) -> str:
        try:
            return work(copy.deepcopy(model))
        except ModelError as error:
            reasons[str(error)] = None
            return "no"

    cells = [tried(work) for work in (_score, _train, _adapt, _chat)]
    return f"| {family} | {' | '.join(cells)} | {'; '.join(reasons)} |"


def _made(family: str) -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **copy.deepcopy(FAMILIES[family]))
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_config(config).eval()
    for name, weight in model.named_parameters():
        if name.endswith("sinks"):  # Which are zero, or not set at all, when the model is made.
            torch.nn.init.normal_(weight)
    return model


def _score(model: Any, join: str = "eos") -> str:
    """Compare every option's log-probability with that of a forward pass over it alone."""
    encoder = encoder_for(_tokenizer(), Format(join))  # type: ignore[arg-type]
    scorer = ModelScorer(model, encoder, token_budget=150)
    for number, answer in scorer.rank(_REQUESTS):
        if isinstance(answer, Failure):
            raise ModelError(answer.reason)
        for found, expected in zip(answer.logprobs, _plain(model, encoder, _REQUESTS[number]), strict=True):
            if not abs(found - expected) < 1e-3:
                raise ModelError(f"a log-probability is {found:.4f} instead of {expected:.4f}")
    list(scorer.generate([request.input for request in _REQUESTS], 4))
    return "yes, shared" if isinstance(scorer._engine, SharedEngine) else "yes"


def _plain(model: Any, encoder: Encoder, request: RankRequest) -> list[float]:
    sums = []
    for tokens, start in encoder.options(request.input, request.options):
        read, targets = torch.tensor([tokens]), torch.tensor(tokens[start:])
        with torch.no_grad():
            if model.config.is_encoder_decoder:
                logits = model(input_ids=read[:, :start], labels=targets[None]).logits[0]
            else:
                logits = model(read, use_cache=False).logits[0, start - 1 : -1]
        sums.append(torch.log_softmax(logits.double(), -1).gather(1, targets[:, None]).sum().item())
    return sums


def _train(model: Any) -> str:
    """Train a few steps on packed rows; the loss has to fall. The start proves that packed examples are kept apart."""
    encoder = encoder_for(_tokenizer(), Format())
    loss = loss_for(model)
    pairs = [(request.input, option) for request in _REQUESTS for option in request.options]
    batch: Any = loss.batch(pack(encoder.pairs(pairs), 200), "cpu")
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    losses = []
    for _ in range(6):
        value = loss(batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    if not losses[-1] < losses[0]:
        raise ModelError(f"the loss does not fall: {losses[0]:.2f}, {losses[-1]:.2f}")
    return "yes"


def _adapt(model: Any) -> str:
    add_lora(model, Lora(rank=4), seed=0)
    return _train(model)


def _chat(model: Any) -> str:
    if model.config.is_encoder_decoder:
        return "–"
    return _score(model, "chat").partition(",")[0]


def _tokenizer() -> Any:
    backend: Any = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<eos>", "<bos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([" ".join(_WORDS)] * 4, trainer)
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", bos_token="<bos>")
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


if __name__ == "__main__":
    main()
