"""The model card: what cards and findings say stands in it as words, never as markup."""

from openflan.training.card import add_results, model_card
from openflan.training.config import TrainConfig

HOSTILE = "CC0 | <script>alert(1)</script> ![x](http://x/y.png) [a](javascript:b)\n\n## Limits\n\n`code`"


def card(**changes):
    values = {
        "base": "org/<b>base</b>",
        "facts": {"steps": 3},
        "datasets": {"toy": HOSTILE},
        "held_out": ("<i>nli</i>",),
    }
    return model_card(TrainConfig(steps=1), **{**values, **changes})


def body(text):
    return text.split("\n---\n", 1)[1]


def test_markup_of_cards_is_escaped():
    text = body(card())
    assert not any(mark in text for mark in ("<script", "<b>", "<i>", "](http", "](java"))
    assert (
        r"| toy | CC0 \| &lt;script&gt;alert(1)&lt;/script&gt; ![x]\(http://x/y.png) [a]\(javascript:b) ## Limits"
        in text
    )
    assert text.count("\n## Limits\n") == 1


def test_results_take_the_place_of_earlier_ones_and_are_words_too(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(card(), encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    add_results(path, {"First": ["old"]})
    add_results(path, {"On <b>tasks</b>": ["always says `</li><script>`", "+17.8 [+11.1, +24.8]"]})
    text = path.read_text(encoding="utf-8")
    assert "old" not in text and "<script" not in text and "<b>tasks" not in text
    assert "- +17.8 [+11.1, +24.8]\n" in text
    begin, _, rest = text.partition("\n## Results\n")
    assert before == begin + "\n## Limits\n" + rest.partition("\n## Limits\n")[2]
