"""The prepare functions of the summarization cluster, on hand-written rows of the real shape."""

import pytest

from openflan.tasks.prepare import SkipRow
from openflan.tasks.prepare import summaries as prepare


def test_email_body_becomes_one_paragraph() -> None:
    row = {"email_body": "Kim,\nThe pump is fixed.\nThanks,  ", "subject_line": " Pump\n repaired"}
    assert prepare.aeslc_email(row) == {
        "body": "Kim, The pump is fixed. Thanks,",
        "subject": "Pump repaired",
        "opening": "Kim, The pump is fixed.",
    }


def test_email_quoted_printable_is_undone() -> None:
    row = {"email_body": "The goals were wo= rded by= =20 Ann.=20", "subject_line": "Goals"}
    assert prepare.aeslc_email(row)["body"] == "The goals were worded by Ann."


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("The club #39;s players #39; wages", "The club's players' wages"),
        ("Shares fell #36;2 &lt;b&gt;...&lt;/b&gt; today", "Shares fell $2 ... today"),
        ("Rates rose\\on Monday.", "Rates rose on Monday."),
        ('"He said ""no"" twice."', 'He said "no" twice.'),
        ("Barnes  amp; Noble", "Barnes & Noble"),
    ],
)
def test_news_item_loses_its_escapes(text: str, item: str) -> None:
    assert prepare.ag_news_item({"text": text})["item"] == item


def test_news_item_first_words() -> None:
    assert prepare.ag_news_item({"text": "One two three four five six"})["first_words"] == "One two three four five"


@pytest.mark.parametrize(
    "dateline",
    [
        "(CNN) -- ",
        "(CNN)",
        "LONDON, England (CNN) -- ",
        "BOGOTA, Colombia (CNN)  -- ",
        "(Mental Floss) -- ",
        "By . A. Writer . ",
        "By. Daily Mail Reporter. PUBLISHED:. 08:13 EST, 3 May 2013. |. UPDATED:. 09:00 EST, 3 May 2013. ",
        "By . Jane Roe and John Doe . Last updated at 2:18 PM on 30th December 2011 . ",
    ],
)
def test_story_loses_its_dateline(dateline: str) -> None:
    story = "A lion has escaped. Keepers are looking (and calling) -- in vain."
    assert prepare.cnn_story({"article": dateline + story, "highlights": "Lion escapes ."})["story"] == story


def test_highlights_stand_one_to_a_line() -> None:
    row = {"article": "A lion has escaped.", "highlights": "Lion escapes .\nKeepers look for it . It sleeps"}
    names = prepare.cnn_story(row)
    assert names["highlights"] == "Lion escapes.\nKeepers look for it.\nIt sleeps."
    assert names["first_highlights"] == "Lion escapes.\nKeepers look for it."
    assert names["last_highlight"] == "It sleeps."


def test_single_highlight_has_no_last_one() -> None:
    assert prepare.cnn_story({"article": "A lion is free.", "highlights": "Lion escapes ."})["last_highlight"] == ""


@pytest.mark.parametrize(
    "furniture", [" E-mail to a friend .", " E-mail to a friend . CNN's Ann Lee contributed to this report."]
)
def test_story_loses_the_line_of_the_site(furniture: str) -> None:
    row = {"article": f"A lion is free.{furniture}", "highlights": "Lion escapes ."}
    assert prepare.cnn_story(row)["story"] == "A lion is free."


def test_story_without_highlights_is_skipped() -> None:
    with pytest.raises(SkipRow, match="no text"):
        prepare.cnn_story({"article": "A lion is free.", "highlights": " . "})


def test_article_loses_the_lines_of_the_site() -> None:
    body = "Gen. Orr spoke to St. Ives council on Monday about the new bridge. It opens in May, Mr. Orr said."
    row = {"document": f"3 May 2014 Last updated at 11:41 BST\nMedia playback is not supported on this device\n{body}"}
    assert prepare.xsum_article(row) == {
        "article": body,
        "lead": "Gen. Orr spoke to St. Ives council on Monday about the new bridge.",
        "beginning": body,
    }


def test_article_on_one_line_keeps_its_text() -> None:
    body = "Fifteen words or more are needed here so that the article is not left out again."
    row = {"document": f"Media playback is unsupported on your device {body}"}
    assert prepare.xsum_article(row)["article"] == body


def test_tiny_article_is_skipped() -> None:
    with pytest.raises(SkipRow, match="fifteen"):
        prepare.xsum_article({"document": "Leeds v York (13:30)"})


def test_gigaword_brackets_and_quotes() -> None:
    row = {"document": "he said `` no '' -lrb- twice -rrb- on 9\\/11", "summary": "`` no ''"}
    names = prepare.gigaword_pair(row)
    assert names["sentence"] == 'he said " no " ( twice ) on 9/11'
    assert names["headline"] == '" no "'
    assert names["first_words"] == 'he said " no'


def test_gigaword_entities_are_read() -> None:
    row = {"document": "barnes &amp; noble said so", "summary": "barnes &amp; noble"}
    assert prepare.gigaword_pair(row)["headline"] == "barnes & noble"


def test_articles_are_numbered() -> None:
    row = {
        "document": "Rain. NEWLINE_CHAR NEWLINE_CHAR Much rain. ||||| Flood. ||||| ",
        "summary": "– It rained. NEWLINE_CHAR A flood.",
    }
    names = prepare.multi_news_articles(row)
    assert names["articles"] == "Article 1:\nRain.\n\nMuch rain.\n\nArticle 2:\nFlood."
    assert names["count"] == 2
    assert names["digest"] == "It rained. A flood."


def test_one_article_is_not_a_notice() -> None:
    long = " ".join(["word"] * 40)
    names = prepare.multi_news_articles({"document": f"For personal use only. ||||| {long}", "summary": "Words."})
    assert names["beginning"] == long


def test_single_article_is_skipped() -> None:
    with pytest.raises(SkipRow, match="two articles"):
        prepare.multi_news_articles({"document": "Rain. ||||| ", "summary": "It rained."})


def test_chat_placeholders_and_line_ends() -> None:
    row = {"dialogue": "Ann: look\r\nAnn: <file_photo>\r\nBo: I <3 it <b>so</b> much\r\n", "summary": "Ann\nshows Bo."}
    names = prepare.samsum_chat(row)
    assert names["dialogue"] == "Ann: look\nAnn: (photo)\nBo: I <3 it so much"
    assert names["before_last"] == "Ann: look\nAnn: (photo)"
    assert names["last_message"] == "Bo: I <3 it so much"
    assert names["speakers"] == "Ann and Bo"
    assert names["summary"] == "Ann shows Bo."


def test_one_message_is_no_chat() -> None:
    with pytest.raises(SkipRow, match="two messages"):
        prepare.samsum_chat({"dialogue": "Ann: hi", "summary": "Ann greets."})


def test_beginning_ends_with_a_sentence() -> None:
    sentence = "The river rose for nine days and Mr. Orr watched it."
    row = {"title": None, "text": " ".join([sentence] * 20), "summary": " It rose. "}
    names = prepare.newsroom_article(row)
    assert names["beginning"] == " ".join([sentence] * 10)
    assert (names["title"], names["summary"]) == ("", "It rose.")


def test_one_speaker_is_no_chat() -> None:
    with pytest.raises(SkipRow, match="two speakers"):
        prepare.samsum_chat({"dialogue": "Ann: hi\nAnn: hello?", "summary": "Ann greets."})


def test_three_speakers_are_listed() -> None:
    row = {"dialogue": "Ann: hi\nBo: hi\nCy: hi", "summary": "They greet."}
    assert prepare.samsum_chat(row)["speakers"] == "Ann, Bo and Cy"


def test_instructions_lose_a_leading_stop() -> None:
    names = prepare.wikihow_section({"source": ". Boil  water.", "target": "Boil.\nPour."})
    assert names == {"instructions": "Boil water.", "steps": "Boil. Pour.", "beginning": "Boil water."}


def test_instructions_lose_stops_behind_sentences() -> None:
    names = prepare.wikihow_section({"source": "Mop up spills. . Dry it.", "target": "Mop. .\nDry it, ."})
    assert (names["instructions"], names["steps"]) == ("Mop up spills. Dry it.", "Mop. Dry it,")


def test_sections_become_rows() -> None:
    row = {"article": {"document": ["Boil water.", ""], "summary": ["Boil.", "Pour."]}}
    assert prepare.wikihow_sections(row) == [{"source": "Boil water.", "target": "Boil.", "page": "Boil water."}]


def test_arguments_in_order_and_untokenised() -> None:
    row = {
        "_debate_name": "This House would ban cars.",
        "_claim": "Cars are loud :",
        "_argument_sentences": {
            "key": ["7_0_2", "7_0_0", "7_0_1", "7_0_3"],
            "value": [
                "People do n't sleep near roads -LRB- not well -RRB- .",
                "Cars make a lot of noise .",
                "Available : 2008 .",
                "See http://example.org/noise for more on the matter .",
            ],
        },
    }
    assert prepare.idebate_arguments(row) == {
        "arguments": "1. Cars make a lot of noise.\n2. People don't sleep near roads (not well).",
        "first_argument": "Cars make a lot of noise.",
        "motion": "This House would ban cars",
        "claim": "Cars are loud",
    }


@pytest.mark.parametrize(
    "footnote",
    [
        "Skolnik , Sam , , Beacon Press , 2011 , Chapter 5",
        "Lawless , Jill , Tony Hayward : BP Was Unprepared For Gulf Oil Spill , 9 November 2010 ,",
        "BBC News , London-bound train overcrowding : 100,000 have to stand , 24 July 2013 , Department .",
        "The Political Activity of Think Tanks , Harvard Law Review , Vol. 12 .",
        "Lowering the voting age , Paper presented in Potsdam , p. 9 .",
        "-LSB- 1 -RSB- Contributions to the United Nations budget",
    ],
)
def test_footnotes_are_no_arguments(footnote: str) -> None:
    values = ["Cars make a lot of noise [ 1 ] .", "However , Europe , which pays most of it , agrees.3", footnote]
    row = {
        "_debate_name": "Motion",
        "_claim": "Claim",
        "_argument_sentences": {"key": ["1_1_0", "1_1_1", "1_1_2"], "value": values},
    }
    assert prepare.idebate_arguments(row)["arguments"] == (
        "1. Cars make a lot of noise.\n2. However, Europe, which pays most of it, agrees."
    )


def test_at_most_ten_arguments() -> None:
    sentences = [f"This is argument {word} of many ." for word in "abcdefghijkl"]
    row = {
        "_debate_name": "Motion",
        "_claim": "Claim",
        "_argument_sentences": {"key": [f"1_1_{place}" for place in range(12)], "value": sentences},
    }
    assert prepare.idebate_arguments(row)["arguments"].count("\n") == 9


def test_reviews_are_numbered_without_markup() -> None:
    row = {
        "_movie_name": "the_lost_boat",
        "_critic_consensus": "<em>The Lost Boat</em> is not found.",
        "_critics": {"key": ["1", "2", "3"], "value": ["A <i>bore</i>.", "", "Salt &amp; spray."]},
    }
    assert prepare.movie_reviews(row) == {
        "reviews": "1. A bore.\n2. Salt & spray.",
        "first_review": "A bore.",
        "title": "the lost boat",
        "consensus": "The Lost Boat is not found.",
        "untitled_reviews": "1. A bore.\n2. Salt & spray.",
        "untitled_consensus": "[title] is not found.",
    }


def test_one_review_is_skipped() -> None:
    with pytest.raises(SkipRow, match="two reviews"):
        prepare.movie_reviews(
            {"_movie_name": "x", "_critic_consensus": "Fine.", "_critics": {"key": ["1"], "value": ["Fine."]}}
        )
