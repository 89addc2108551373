"""Every metric against its reference implementation, or the published example."""

import random
import re
import string
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.evaluation.metrics import Judged, check_extras, chosen_option, generation, is_option
from openflan.evaluation.metrics import metric as metric_named
from openflan.evaluation.metrics.generation import word_edits
from openflan.evaluation.metrics.qa import squad_exact, squad_f1, trivia_exact, trivia_f1
from openflan.evaluation.metrics.words import MissingExtraError
from openflan.tasks.metric import SCORES

WORDS = ["the", "a", "cat", "Cat", "dog,", "ran", "home.", "(fast)", "don't", "3.5", "über", "–", "“so”", "it", "was"]
texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def sentences(seed, count=30):
    """Pairs of a reference and a damaged copy of it."""
    draw = random.Random(seed)
    for _ in range(count):
        gold = draw.choices(WORDS, k=draw.randint(1, 25))
        said = [draw.choice(WORDS) if draw.random() < 0.3 else word for word in gold if draw.random() < 0.9]
        yield " ".join(said), " ".join(gold)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("references", [1, 3])
def test_bleu_is_sacrebleus_on_the_set_and_on_any_resample(seed, references):
    sacrebleu = pytest.importorskip("sacrebleu")
    judged = [
        Judged(said, [gold, *(other for _, other in sentences(seed + number, references - 1))])
        for number, (said, gold) in enumerate(sentences(seed))
    ]
    metric = metric_named("bleu")
    statistics = metric.statistics(judged)
    weights = np.random.default_rng(seed).multinomial(len(judged), np.full(len(judged), 1 / len(judged)))
    for counts in (np.ones(len(judged), int), weights):
        drawn = [one for one, count in zip(judged, counts, strict=True) for _ in range(count)]
        streams = [[one.references[n] for one in drawn] for n in range(references)]
        expected = sacrebleu.corpus_bleu([one.prediction for one in drawn], streams, tokenize="intl").score
        assert metric.score(counts @ statistics)[0] == pytest.approx(expected)


def test_bleu_smooths_missing_orders_and_gives_nothing_for_nothing():
    sacrebleu = pytest.importorskip("sacrebleu")
    for said, gold in [
        ("a b c d e", "a c b e d"),
        ("x y z w", "a b c d"),
        ("a b", "a b"),
        ("", "a b c d"),
        ("A b c d", "a b c d"),
    ]:
        expected = sacrebleu.corpus_bleu([said], [[gold]], tokenize="intl").score
        assert metric_named("bleu").scores([Judged(said, [gold])])["bleu"] == pytest.approx(expected)


def test_rouge_is_rouge_scores_with_the_best_reference_for_each_kind():
    rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeLsum"])
    pairs = list(sentences(1, 12))
    judged = [Judged(said, [gold, other]) for (said, gold), (_, other) in zip(pairs, reversed(pairs), strict=True)]
    found = metric_named("rouge").scores(judged)
    for name in ("rouge1", "rouge2", "rougeLsum"):
        best = [max(scorer.score(gold, one.prediction)[name].fmeasure for gold in one.references) for one in judged]
        assert found[name] == pytest.approx(100 * np.mean(best))
    lines = metric_named("rouge").scores([Judged("It rained . We left .", ["We left .\nIt rained ."])])
    assert lines["rougeLsum"] == pytest.approx(100), "sentences are matched one by one"


def official_squad(said, gold):
    """Exact match and F1 in the steps of the official script, on its normalised tokens."""

    def normal(text):
        kept = "".join(mark for mark in text.lower() if mark not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())

    said, gold = normal(said), normal(gold)
    common = sum((Counter(said.split()) & Counter(gold.split())).values())
    if not said or not gold:
        return said == gold, float(said == gold)
    if not common:
        return said == gold, 0.0
    precision, recall = common / len(said.split()), common / len(gold.split())
    return said == gold, 2 * precision * recall / (precision + recall)


@given(texts, st.lists(texts, min_size=1, max_size=3))
def test_squad_is_the_official_algorithm_at_the_best_gold_answer(said, golds):
    judged = [official_squad(said, gold) for gold in golds]
    assert squad_exact(said, golds) == max(exact for exact, _ in judged)
    assert squad_f1(said, golds) == pytest.approx(max(f1 for _, f1 in judged))


def test_squad_on_answers_of_the_dataset():
    broncos = ["Denver Broncos", "Denver Broncos", "the Denver Broncos"]
    assert squad_exact("The Denver Broncos!", broncos) == 1
    assert squad_f1("the Broncos", broncos) == pytest.approx(2 / 3)
    assert squad_f1("Carolina Panthers", broncos) == 0
    assert squad_f1("unanswerable", ["unanswerable"]) == 1


def test_trivia_normalisation_puts_spaces_for_punctuation_and_knows_more_quotes():
    assert trivia_exact("The Rock-n-Roll_Years!", ["rock n roll years"]) == 1
    assert squad_exact("Rock-n-Roll", ["rock n roll"]) == 0
    assert trivia_exact("‘Hamlet’", ["hamlet"]) == 1
    assert trivia_f1("William Shakespeare", ["shakespeare", "the bard"]) == pytest.approx(2 / 3)
    assert metric_named("trivia_qa").scores([Judged("Paris", ["paris"]), Judged("a big town", ["town"])]) == {
        "exact_match": 50,
        "f1": pytest.approx(100 * (1 + 2 / 3) / 2),
    }


def test_accuracy_takes_any_gold_answer():
    judged = [Judged("a", ["b", "a"]), Judged("c", ["b"]), Judged(" b ", ["b"]), Judged("d", ["b"])]
    assert metric_named("accuracy").scores(judged) == {"accuracy": 50}


def test_multirc_is_f1_over_all_answers_and_whole_questions():
    metrics = pytest.importorskip("sklearn.metrics")
    draw = random.Random(0)
    rows = [(f"question {draw.randint(0, 20)}", draw.random() < 0.4, draw.random() < 0.5) for _ in range(100)]
    word = {False: "no", True: "yes"}
    judged = [Judged(word[said], [word[gold]], ("no", "yes"), group) for group, gold, said in rows]
    found = metric_named("multirc").scores(judged)
    assert found["f1"] == pytest.approx(
        100 * metrics.f1_score([gold for _, gold, _ in rows], [said for *_, said in rows])
    )
    questions = {group for group, *_ in rows}
    right = [all(gold == said for group, gold, said in rows if group == question) for question in questions]
    assert found["exact_match"] == pytest.approx(100 * np.mean(right))


def test_correlations_are_scipys_and_unreadable_numbers_count_as_minus_one():
    stats = pytest.importorskip("scipy.stats")
    draw = random.Random(0)
    gold = [draw.randint(0, 5) for _ in range(80)]
    said = [str(min(5, max(0, number + draw.randint(-2, 2)))) for number in gold]
    said[3], said[4] = "no idea", "3.8 or so"
    numbers = [float(text) if text.isdigit() else {"no idea": -1.0, "3.8 or so": 3.8}[text] for text in said]
    found = metric_named("correlation").scores([Judged(text, [str(n)]) for text, n in zip(said, gold, strict=True)])
    assert found["pearson"] == pytest.approx(100 * stats.pearsonr(numbers, gold).statistic)
    assert found["spearman"] == pytest.approx(100 * stats.spearmanr(numbers, gold).statistic)


def test_swapping_two_models_answers_swaps_their_statistics():
    """What the randomization test rests on: the correlation of swapped answers is that of the swapped statistics."""
    draw = np.random.default_rng(0)
    gold = draw.integers(0, 6, 60)
    answers = [np.clip(gold + draw.integers(-1, 2, 60), 0, 5), 4 + draw.integers(0, 2, 60)]
    metric = metric_named("correlation")
    first, second = (
        metric.statistics([Judged(str(said), [str(right)]) for said, right in zip(one, gold, strict=True)])
        for one in answers
    )
    for _ in range(20):
        swapped = draw.random(60) < 0.5
        found = metric.score(np.where(swapped[:, None], second, first).sum(axis=0))[0]
        assert found == pytest.approx(100 * np.corrcoef(np.where(swapped, *answers[::-1]), gold)[0, 1])


def test_a_constant_answer_does_not_correlate():
    assert metric_named("correlation").scores([Judged("3", [str(n)]) for n in range(5)]) == {
        "pearson": 0,
        "spearman": 0,
    }


@given(texts, texts)
def test_word_edits_are_levenshteins_distance_over_words(said, gold):
    distance = pytest.importorskip("nltk.metrics.distance")

    def words(text):
        return "".join(mark if mark.isalnum() or mark == "_" else " " for mark in text.lower()).split()

    assert word_edits(said, [gold]) == distance.edit_distance(words(said), words(gold))


def test_word_edits_ignore_case_and_punctuation_and_count_per_prompt():
    judged = [Judged("the cat sat", ["The cat, sat!"]), Judged("teh cat", ["the cat sat", "a dog"])]
    assert metric_named("edit_distance").scores(judged) == {"edit_distance": 1.0}
    assert not metric_named("edit_distance").higher_is_better


def test_generated_answers_are_matched_to_options():
    options = ("Yes", "No", "It's impossible to say")
    assert is_option("yes.", options)
    assert is_option(" it's impossible to say\n", options)
    assert not is_option("Yes, of course", options)
    assert chosen_option("no.", options) == "No"
    assert chosen_option("perhaps", options) == "perhaps"


@pytest.mark.parametrize("name", SCORES)
def test_statistics_add_up_and_empty_sets_score_zero(name):
    metric = metric_named(name)
    answers = [("yes", "yes"), ("no", "yes"), ("yes", "no"), ("no", "no"), ("3", "2")]
    judged = [Judged(said, [gold], ("no", "yes"), str(n // 2)) for n, (said, gold) in enumerate(answers)]
    whole = metric.statistics(judged)
    assert whole.shape[0] == len(judged)
    assert metric.score(whole.sum(axis=0)).shape == (len(metric.names),)
    assert metric.score(np.stack([whole, whole]).sum(axis=1)).shape == (2, len(metric.names))
    assert np.all(metric.score(np.zeros(whole.shape[1])) == 0)
    assert metric.statistics([]).shape == (0, whole.shape[1])


@pytest.mark.parametrize(("metric", "package"), [("bleu", "sacrebleu"), ("rouge", "rouge_score")])
def test_without_the_extra_the_error_says_what_to_install(monkeypatch, metric, package):
    generation.bleu_of.cache_clear()
    generation.rouge_of.cache_clear()
    for name in ("sacrebleu", "sacrebleu.metrics", "rouge_score", "rouge_score.rouge_scorer"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*openflan\[metrics\]"):
        metric_named(metric).scores([Judged("a", ["a"])])
    with pytest.raises(MissingExtraError, match=rf"{package}.*openflan\[metrics\]"):
        check_extras(["accuracy", metric])


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("2 and 2 make 4.\nSo the answer is 4.", 1),
        ("The answer is 5. No, wait: the answer is 4", 1),
        ("4", 1),
        ("THE ANSWER IS: 4!", 1),
        ("So the answer is 4.\nQuestion: another one", 1),
        ("So the answer is 44.", 0),
        ("2 and 2 make 4.", 0),
        ("", 0),
    ],
)
def test_reasoning_is_judged_by_what_it_comes_to(said, right):
    judged = [Judged(said, ["Two and two make four.\nSo the answer is 4."])]
    assert metric_named("final_answer").scores(judged) == {"exact_match": 100 * right}


@pytest.mark.parametrize(
    ("said", "golds", "expected"),
    [
        ("The  Answer!", ["the answer"], (100, 100)),
        ("answer", ["the answer"], (200 / 3, 0)),
        ("he sings", ["he is singing", "nothing"], (80, 0)),
        ("", ["something"], (0, 0)),
    ],
)
def test_natural_instructions_scores_stems_and_keeps_articles(said, golds, expected):
    scores = metric_named("natural_instructions").scores([Judged(said, golds)])
    assert (scores["rougeL"], scores["exact_match"]) == pytest.approx(expected)
    turned = metric_named("natural_instructions(score=exact_match)")
    assert turned.primary == "exact_match" and turned.scores([Judged(said, golds)]) == pytest.approx(scores)
