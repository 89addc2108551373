"""llama.cpp in this process, through `llama-cpp-python`: GGUF files, scored from the logits of every position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from openflan.data.encode import Encoded
from openflan.errors import ModelError, OpenflanError
from openflan.evaluation.scoring.interface import Failure
from openflan.interop.backends import Writing

_LOGITS = 2**31
"""Bytes that the logits of all positions may take; they limit the context of models with large vocabularies."""


class LlamaCpp:
    """The model in a GGUF file; raises `ModelError` where it cannot be loaded, `OpenflanError` without the package."""

    def __init__(self, file: str) -> None:
        if not Path(file).is_file():
            raise ModelError(f"no file {file}; llamacpp: takes a GGUF file")
        try:
            import llama_cpp
        except ImportError:
            raise OpenflanError("llamacpp: needs llama-cpp-python: pip install 'openflan[llamacpp]'") from None
        try:
            sized = llama_cpp.Llama(model_path=file, vocab_only=True, verbose=False)
            trained = int(sized.metadata.get(f"{sized.metadata['general.architecture']}.context_length", 2048))
            self.context: int | None = min(trained, _LOGITS // (4 * int(sized.n_vocab())))
            self._model: Any = llama_cpp.Llama(
                model_path=file, n_ctx=self.context, logits_all=True, n_gpu_layers=-1, verbose=False
            )
        except (ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"llama.cpp cannot load {file}: {error}") from None
        self.about = {"engine": "llamacpp", "file": Path(file).name, "version": str(llama_cpp.__version__)}
        self._read: list[int] = []

    def logprobs(self, questions: Sequence[Sequence[Encoded]]) -> Iterator[tuple[int, list[float] | Failure]]:
        """See `Engine.logprobs`; what a sequence begins with as the last one did is not computed again."""
        for number, question in enumerate(questions):
            yield number, [self._sum(one) for one in question]

    def write(self, prefixes: Sequence[Sequence[int]], how: Writing) -> Iterator[tuple[int, str | Failure]]:
        """See `Engine.write`."""
        for number, prefix in enumerate(prefixes):
            yield number, self._written(prefix, how)

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()

    def _sum(self, sent: Encoded) -> float:
        self._evaluate(sent.tokens)
        rows = np.asarray(self._model.scores[sent.start - 1 : len(sent.tokens) - 1], dtype=np.float64)
        highest = rows.max(axis=1)
        norms = highest + np.log(np.exp(rows - highest[:, None]).sum(axis=1))
        scored = rows[np.arange(len(rows)), sent.tokens[sent.start :]]
        return float((scored - norms).sum())

    def _written(self, prefix: Sequence[int], how: Writing) -> str:
        written: list[int] = []
        while len(written) < how.max_tokens:
            self._evaluate([*prefix, *written])
            token = int(np.argmax(self._model.scores[len(self._read) - 1]))
            if token in how.ends:
                break
            written.append(token)
            if any(end in self.text(written) for end in how.stop):
                break
        return self.text(written)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens, as the file's own tokenizer has it."""
        return str(self._model.detokenize(list(tokens)).decode("utf-8", errors="ignore"))

    def _evaluate(self, tokens: Sequence[int]) -> None:
        """Have the logits of every position, from the first that differs from what was read last."""
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._read, tokens, strict=False)))
        alike = min(alike, len(tokens) - 1)  # the last one is evaluated in any case, so that there is something to do
        self._model.n_tokens = alike
        self._model.eval(list(tokens[alike:]))
        self._read = list(tokens)
