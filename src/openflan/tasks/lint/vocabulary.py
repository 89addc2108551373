"""The words that tasks go by, a cluster at a time, and the words that make a scene of a template.

Small models know a task by its usual words and learn little from a template without them. A word counts where it
begins with one of a cluster's stems.
"""

from __future__ import annotations

import re

_READING = "answer question passage text paragraph article document context according true correct"
_STEMS: dict[str, str] = {
    "nli": "premise hypothes entail imply implies implied infer follow true false correct contradict conclu statement "
    "claim sentence passage answer question",
    "commonsense": "likely plausible cause effect result happen end next continu complet sentence story answer "
    "question goal premise correct",
    "sentiment": "sentiment positive negative opinion review",
    "paraphrase": "paraphras mean same similar equivalent duplicate",
    "closed_book_qa": "question answer correct fact",
    "struct_to_text": "sentence text words data fact describe description attribute prose",
    "translation": "translat language english german french spanish czech finnish romanian russian turkish",
    "reading_comprehension": f"{_READING} hint complete yes",
    "rc_commonsense": f"{_READING} likely plausible blank gap complete continue sentence",
    "coreference": "pronoun refer mean stand sentence text passage continu complet ending antecedent word",
    "misc": f"{_READING} sentence grammat acceptab punctuat mark capital case letter meaning sense word space topic "
    "type category classif conversation dialogue solve calculat value result problem",
    "summarization": "summar sum headline title subject topic highlight main brief short article text claim point "
    "categor opinion consensus step",
}
_REQUIRED: dict[str, tuple[str, float]] = {
    "sentiment": ("sentiment", 1 / 3),
    "nli": ("premise hypothes entail imply implies implied infer follow true correct answer", 1 / 2),
    "paraphrase": ("paraphras mean same similar equivalent duplicate", 1 / 2),
}


def _pattern(stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(stems.split())})\w*", re.IGNORECASE)


TASK_WORDS = {cluster: _pattern(stems) for cluster, stems in _STEMS.items()}
"""For each cluster, what finds a word of its tasks."""

REQUIRED_WORDS = {cluster: (stems.split(), _pattern(stems), share) for cluster, (stems, share) in _REQUIRED.items()}
"""For some clusters the words that tell it from others, what finds them, and the share of templates that need one."""

FIRST_PERSON = re.compile(r"\b(?:I|i(?!\.)|[Mm]e|[Mm]y|[Mm]ine|[Ww]e|[Oo]ur|us|let's|Let's)\b(?!-)")
"""Words in the first person ("US" is a country)."""

SCENE = re.compile(
    r"\b(?:you are (?:an?|the) |you have (?:just )?been |imagine|suppose you|pretend|as if you were|act as|your role|"
    r"exam(?:s|iner|ination)?\b|quiz|test paper|exercise|worksheet|homework|lesson|teacher|pupils?\b|students?\b|"
    r"classroom|school|newsroom|editor|desk|journalist|colleague|boss|client|customer service|friend|brother|sister|"
    r"neighbou?r|detective|witness|jury|contest|game show|once upon)",
    re.IGNORECASE,
)
"""Words that make a scene: roles, schools, newsrooms, friends."""
