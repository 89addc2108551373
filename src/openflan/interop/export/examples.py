"""The examples of a mixture as other tools get them: in mixture order, in two halves, with where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openflan.data.encode import Encoder
from openflan.data.mixture import Component, Mixture
from openflan.data.prompt import Prompt
from openflan.data.stream import Placed, Stream

COLUMNS: Mapping[str, str] = {
    "prompt": "what the model reads, joined as the recipe's format says, control tokens spelled out",
    "completion": "what is labelled, its end token included; both texts joined are the whole sequence",
    "input": "the prompt without the join, for a tool with a chat template of its own",
    "target": "the completion without the join",
    "input_ids": "the token ids of training, with those that open every sequence",
    "completion_mask": "1 where a token is labelled, else 0",
    "number": "the example's number in the mixture",
    "task": "the dataset, with its variant",
    "cluster": "the cluster of the dataset",
    "template_id": "the number of the template, or `baseline`, `plain`, `name`",
    "setting": "the setting that the prompt was put in",
    "inverted": "whether the template asks for an input in place of the answer",
    "source": "where the row was read from",
    "licence": "the licence of the dataset, as its card states it",
    "example_id": "the identity of the example, which follows from its content",
}
"""What every column means."""

PROVENANCE = tuple(COLUMNS)[6:]
"""The columns that every target keeps beside its own."""


@dataclass(frozen=True)
class Exported:
    """An example that is written out: its columns (see `COLUMNS`), and what it counts.

    `opening` is the text of the tokens that the tokenizer puts before every sequence, which `prompt` leaves to it.
    """

    columns: Mapping[str, Any]
    opening: str
    tokens: int
    spells_controls: bool

    def pick(self, *names: str) -> dict[str, Any]:
        """Some columns, and those that say where the example comes from."""
        return {name: self.columns[name] for name in (*names, *PROVENANCE)}

    @property
    def provenance(self) -> dict[str, Any]:
        """The columns that say where the example comes from."""
        return self.pick()


def exported(stream: Stream, mixture: Mixture, examples: int, tokens: int | None = None) -> Iterator[Exported]:
    """The first `examples` places of a mixture, until `tokens` tokens are reached where that is given.

    A place that stayed empty is left out, and counted by the stream.
    """
    sent = 0
    for window in range(-(-examples // stream.window)):
        for placed in stream.placed(window):
            if placed.number >= examples or (tokens is not None and sent >= tokens):
                return
            one = _exported(placed, mixture.parts[placed.draw.component], stream.encoder)
            sent += one.tokens
            yield one


def _exported(placed: Placed, part: Component, encoder: Encoder) -> Exported:
    ids, start = placed.encoded
    prompt = placed.prompt
    target = _as_fitted(prompt, placed, encoder)
    read, labelled = encoder.halves(prompt.input, target)
    columns = {
        "prompt": read,
        "completion": labelled,
        "input": prompt.input,
        "target": target,
        "input_ids": list(ids),
        "completion_mask": [0] * start + [1] * (len(ids) - start),
        "number": placed.number,
        **provenance(prompt, part, part.choices[placed.draw.choice].setting),
    }
    return Exported(columns, encoder.opening, len(ids), bool(encoder.controls(prompt.input, target)))


def provenance(prompt: Prompt, part: Component, setting: str) -> dict[str, Any]:
    """Where a prompt comes from, but for its number."""
    card = part.rows.task.card
    return {
        "task": prompt.dataset,
        "cluster": card.cluster,
        "template_id": prompt.writer,
        "setting": setting,
        "inverted": prompt.inverted,
        "source": part.rows.origin,
        "licence": card.licence,
        "example_id": prompt.example_id,
    }


def _as_fitted(prompt: Prompt, placed: Placed, encoder: Encoder) -> str:
    """The target's text, which ends where its tokens were cut (`data.long_targets: cut`)."""
    ids, start = placed.encoded
    if len(ids) - start < encoder.format.target_length:
        return prompt.target
    whole = encoder.pairs([(prompt.input, prompt.target)])[0].tokens
    return prompt.target if len(whole) <= len(ids) else encoder.decode(ids[start:])
