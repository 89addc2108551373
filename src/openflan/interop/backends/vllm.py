"""vLLM in this process. Caching of prefixes is off: with it, log-probabilities of cached positions are not computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from openflan.data.encode import Encoded
from openflan.errors import ModelError, OpenflanError
from openflan.evaluation.scoring.interface import Failure
from openflan.interop.backends import Writing


class VLLM:
    """The model in a folder, loaded by vLLM; raises `ModelError` where it cannot be, `OpenflanError` without vLLM."""

    def __init__(self, folder: str, dtype: str = "auto") -> None:
        try:
            import vllm
        except ImportError:
            raise OpenflanError(
                "vllm: needs vllm, which goes with the GPU and its driver: see its own page on how to install it"
            ) from None
        try:
            self._model: Any = vllm.LLM(model=folder, dtype=dtype, enable_prefix_caching=False, seed=0)
        except (ValueError, OSError, RuntimeError) as error:
            raise ModelError(f"vLLM cannot load {folder}: {(str(error).splitlines() or ['?'])[0]}") from None
        self._parameters: Any = vllm.SamplingParams
        self.context: int | None = int(self._model.llm_engine.model_config.max_model_len)
        self.about = {"engine": "vllm", "version": str(vllm.__version__)}

    def logprobs(self, questions: Sequence[Sequence[Encoded]]) -> Iterator[tuple[int, list[float] | Failure]]:
        """See `Engine.logprobs`; all go in at once, and vLLM makes the batches."""
        asked = self._parameters(temperature=0.0, max_tokens=1, prompt_logprobs=1, detokenize=False)
        sequences = list(chain.from_iterable(questions))
        found = iter(self._generate([one.tokens for one in sequences], asked))
        for number, question in enumerate(questions):
            yield number, [_sum(next(found), one) for one in question]

    def write(self, prefixes: Sequence[Sequence[int]], how: Writing) -> Iterator[tuple[int, str | Failure]]:
        """See `Engine.write`."""
        asked = self._parameters(
            temperature=0.0, max_tokens=how.max_tokens, stop=list(how.stop), stop_token_ids=sorted(how.ends)
        )
        for number, output in enumerate(self._generate(prefixes, asked)):
            yield number, str(output.outputs[0].text)

    def close(self) -> None:
        """Let go of the model."""
        del self._model

    def _generate(self, prompts: Sequence[Sequence[int]], asked: Any) -> list[Any]:
        return list(self._model.generate([{"prompt_token_ids": list(one)} for one in prompts], asked, use_tqdm=False))


def _sum(output: Any, sent: Encoded) -> float:
    """The sum of what was scored; each place has the token's own log-probability beside the likeliest one's."""
    listed = output.prompt_logprobs
    return sum(float(listed[place][sent.tokens[place]].logprob) for place in range(sent.start, len(sent.tokens)))
