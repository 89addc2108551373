"""Metrics in scripts other than Latin: right with the tokenizer a card names, refused with the reason without one."""

import unicodedata

import pytest

from openflan.errors import OpenflanError
from openflan.evaluation.metrics import Judged, check_extras, chosen_option, is_correct, is_option, metric, refusal

CHINESE = "我们今天去公园散步,看见很多人在放风筝。"
JAPANESE = "わたしたちはきょう公園をさんぽしました。"
RUSSIAN = "Сегодня мы гуляли в парке и видели много людей."
ARABIC = "مشينا اليوم في الحديقة ورأينا الكثير من الناس."
THAI = "วันนี้เราไปเดินเล่นที่สวนสาธารณะ"
HINDI = "आज हम पार्क में घूमने गए और बहुत लोगों को देखा।"
SUITED = {CHINESE: "zh", JAPANESE: "char", RUSSIAN: "intl", ARABIC: "intl", THAI: "char", HINDI: "intl"}


@pytest.mark.parametrize("name", ["rouge", "bleu", "squad", "trivia_qa"])
@pytest.mark.parametrize("text", SUITED)
def test_identical_texts_score_100_with_the_tokenizer_of_their_script(name, text):
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    scores = metric(f"{name}(tokenize={SUITED[text]})").scores([Judged(text, [text])])
    assert all(value == pytest.approx(100) for value in scores.values())
    assert refusal(f"{name}(tokenize={SUITED[text]})", [text]) is None


@pytest.mark.parametrize("text", SUITED)
def test_word_edits_count_words_of_any_script(text):
    pytest.importorskip("sacrebleu")
    scorable = metric(f"edit_distance(tokenize={SUITED[text]})")
    assert scorable.scores([Judged(text, [text])]) == {"edit_distance": 0}
    assert scorable.scores([Judged("", [text])])["edit_distance"] >= 8


def test_half_of_a_chinese_answer_is_worth_half():
    pytest.importorskip("sacrebleu")
    judged = [Judged("北京", ["北京大学。"])]
    assert metric("squad(tokenize=zh)").scores(judged) == {"f1": pytest.approx(100 * 2 / 3), "exact_match": 0}
    assert metric("squad(tokenize=zh)").scores([Judged("北京大学", ["北京大学。"])])["exact_match"] == 100


def test_sacrebleu_itself_gives_the_same_for_chinese():
    sacrebleu = pytest.importorskip("sacrebleu")
    said = "我们今天去公园跑步,看见很多人。"
    expected = sacrebleu.corpus_bleu([said], [[CHINESE]], tokenize="zh").score
    assert metric("bleu(tokenize=zh)").scores([Judged(said, [CHINESE])])["bleu"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["rouge", "bleu", "squad", "trivia_qa", "edit_distance"])
@pytest.mark.parametrize(("text", "advice"), [(CHINESE, "zh"), (JAPANESE, "ja-mecab"), (THAI, "char")])
def test_texts_without_blanks_are_refused_where_no_tokenizer_is_named(name, text, advice):
    assert f"name: {name}, tokenize: {advice}" in refusal(name, [text])


def test_rouge_alone_refuses_other_scripts_with_blanks():
    for text in (RUSSIAN, ARABIC, HINDI):
        assert "metric: {name: rouge, tokenize: intl}" in refusal("rouge", [text])
        assert refusal("bleu", [text]) is refusal("squad", [text]) is None
        assert metric("bleu").scores([Judged(text, [text])])["bleu"] == pytest.approx(100)


def test_a_tokenizer_of_another_script_is_refused_too():
    assert "the tokenizer intl finds no words" in refusal("rouge(tokenize=intl)", [CHINESE])
    assert "tokenize: char" in refusal("bleu(tokenize=zh)", [THAI])


def test_some_foreign_texts_among_many_are_no_reason_and_match_themselves():
    assert refusal("rouge", ["An English line."] * 20 + [CHINESE]) is None
    pytest.importorskip("rouge_score")
    assert metric("rouge").scores([Judged(CHINESE, [CHINESE])])["rougeLsum"] == 100
    assert metric("rouge").scores([Judged(THAI, [CHINESE])])["rougeLsum"] == 0


def test_a_letter_alone_is_a_word():
    assert refusal("squad", ["人", "山"]) is None
    assert metric("squad").scores([Judged("人", ["人"]), Judged("山", ["人"])]) == {"f1": 50, "exact_match": 50}
    assert refusal("rouge", ["人", "山"])


def test_options_need_no_words():
    assert refusal("accuracy", [CHINESE]) is None


@pytest.mark.parametrize(
    "name", ["accuracy", "exact_match", "squad", "trivia_qa", "bleu", "rouge", "edit_distance", "multirc"]
)
def test_composed_and_decomposed_letters_are_the_same(name):
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    text = "Le garçon déjà élevé à Orléans a été très âgé"
    apart = unicodedata.normalize("NFD", text)
    scorable = metric(name)
    for said, gold in ((apart, text), (text, apart)):
        found = scorable.scores([Judged(said, [gold], ("non", gold))])[scorable.primary]
        assert found == pytest.approx(100 if scorable.higher_is_better else 0)
    assert is_correct(apart, [text])
    assert chosen_option(apart, ["non", text]) == text


def test_an_option_spelt_exactly_comes_before_one_spelt_loosely():
    assert chosen_option("polish", ["Polish", "polish"]) == "polish"
    assert chosen_option("Polish.", ["polish", "Polish"]) == "Polish"
    assert chosen_option("POLISH", ["polish", "Polish"]) == "polish", "loosely, the first"
    assert chosen_option("US", ["us", "US"]) == "US"


@pytest.mark.parametrize(("said", "option"), [("北京。", "北京"), ("हाँ।", "हाँ"), ("نعم۔", "نعم"), ("Oui.", "oui")])
def test_a_full_stop_of_any_script_may_close_an_option(said, option):
    assert chosen_option(said, ["other", option]) == option
    assert is_option(said, ["other", option])


def test_a_tokenizer_that_lacks_its_packages_is_named_before_any_work():
    pytest.importorskip("sacrebleu")
    try:
        import MeCab  # noqa: F401
    except ImportError:
        with pytest.raises(OpenflanError, match=r"tokenizer ja-mecab cannot be had: .*sacrebleu\[ja\]"):
            check_extras(["accuracy", "bleu(tokenize=ja-mecab)"])
    check_extras(["bleu", "rouge(tokenize=zh)"])
