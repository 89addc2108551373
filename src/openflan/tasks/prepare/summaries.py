"""Rows of the summarization cluster: datelines, markup and site furniture taken off, documents kept whole.

Newspapers, e-mails, chats and debates reach us with the marks of the tools they went through. What the functions here
take away is never part of the text a person wrote; the wording itself is left alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from openflan.tasks.prepare import Row, SkipRow
from openflan.tasks.sentences import first_sentence, first_sentences

_MOST_OPINIONS = 10
"""As many arguments or reviews as FLAN shows."""

_BEGINNING = 110
"""Words of a document that is to be written, since a whole one is longer than a target may be."""

_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>")


def aeslc_email(row: Row) -> Row:
    """AESLC: the body as one paragraph, the subject as one line, and the body's first words.

    Line ends in this corpus stand between sentences, not paragraphs. What quoted-printable encoding has left behind
    ("=20" for a space, "= " where a line was broken) is undone.
    """
    body, subject = _one_line(row["email_body"]), _one_line(row["subject_line"])
    if "=20" in body:
        body = _one_line(re.sub(r"(?<=\w)= (?=\w)", "", re.sub(r"=(?= =20)", "", body)).replace("=20", " "))
    return {"body": body, "subject": subject, "opening": first_sentence(body)}


def ag_news_item(row: Row) -> Row:
    r"""AG News: the text without the remains of HTML and CSV escapes, and its first words.

    The hub's copy has `#39;` for an apostrophe, doubly escaped tags, backslashes for line ends and doubled quotes.
    """
    text = html.unescape(html.unescape(row["text"]))
    text = re.sub(r"(?<=\w)\s*#39;\s*(?=(?:s|t|re|ve|ll|d|m)\b)", "'", text)
    text = re.sub(r"\s?#39;", "'", text)
    text = re.sub(r"#(\d{2,4});", lambda code: html.unescape(f"&#{code[1]};"), text)
    text = re.sub(r"\b(quot|amp|lt|gt|hellip|nbsp);", lambda name: html.unescape(f"&{name[1]};"), text)
    text = _TAG.sub(" ", text).replace("\\$", "$").replace("\\", " ")
    if '""' in text:
        text = text.removeprefix('"').removesuffix('"').replace('""', '"')
    text = _one_line(text)
    return {"item": text, "first_words": " ".join(text.split()[:5])}


def cnn_story(row: Row) -> Row:
    """CNN/Daily Mail: the article without its dateline, the highlights one on a line.

    Only an opening dateline goes: "LONDON, England (CNN) --", "By . A. Writer . PUBLISHED: . … 2013 . |". (FLAN cut
    everything before the *last* place that looks like the end of one, which may be in the middle of the story.)
    `last_highlight` is empty where there is only one.
    """
    article = _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", row["article"])).strip()
    article = _MAILED.sub("", article)
    for dateline in _DATELINES:
        article = dateline.sub("", article, count=1)
    highlights = [line.strip() for line in re.split(r"\n| \. ", row["highlights"])]
    highlights = [_ended(re.sub(r"\s+\.$", ".", line)) for line in highlights if line.strip(" .")]
    if not highlights or not article:
        raise SkipRow("no text")
    return {
        "story": article,
        "highlights": "\n".join(highlights),
        "first_highlights": "\n".join(highlights[:-1]),
        "last_highlight": highlights[-1] if len(highlights) > 1 else "",
        "lead": first_sentence(article),
        "beginning": _beginning(article),
    }


_MAILED = re.compile(r"\s*E-?mail to a friend\b.{0,220}$", re.IGNORECASE | re.DOTALL)
"""What the site prints below its stories, with who contributed and whose the copyright is."""

_CLOCK = r"(?:PUBLISHED|UPDATED|Last updated at):?.{0,60}?20\d\d ?\.(?: ?\| ?\.?)?\s*"
_DATELINES = (
    re.compile(rf"^(?:By\b.{{0,120}}?)?(?:{_CLOCK})+", re.DOTALL),
    re.compile(
        r"^By ?\.\s+(?:[A-Z]\. |[^.]){1,60}?\.\s+(?:and [^.]{1,60}\.\s+)?(?:Follow @+\w+ ?\.\s+)?(?=[A-Z0-9'‘\"“])"
    ),
    re.compile(r"^[^.\n]{0,60}?\( ?CNN ?\)\s*(?:--?\s*)?", re.IGNORECASE),
    re.compile(r"^\([A-Z][\w.' ]{1,30}\)\s*--\s*"),
    re.compile(r"^[A-Z][A-Z.' ]{2,}(?:, [A-Z][\w.' ]+)?(?: \([\w. ]+\))?\s*--\s*"),
)


def xsum_article(row: Row) -> Row:
    """XSum: the article without the site's own lines (players that do not play, share buttons), and its first sentence.

    Articles of fewer than fifteen words (a list of fixtures, a caption) are left out: nothing in them can be summed up.
    """
    lines = (_FURNITURE.sub("", line.strip()) for line in row["document"].splitlines())
    kept = [line for line in lines if line]
    document = "\n".join(kept)
    if len(document.split()) < 15:
        raise SkipRow("article under fifteen words")
    return {"article": document, "lead": first_sentence(document), "beginning": _beginning(document)}


_FURNITURE = re.compile(
    r"^(?:Media playback is (?:not supported|unsupported) on (?:this|your) device\s*|"
    r"\d{1,2} \w+ \d{4} Last updated at \d\d:\d\d [A-Z]{3,4}\s*|(?:Share this with|Copy this link)\b.{0,40}$|"
    r"These are external links\b.{0,60}$|(?:Email|Facebook|Messenger|Twitter|Pinterest|WhatsApp|LinkedIn)$|"
    r"(?:Follow (?:us on|@)|Find us on|Subscribe to the BBC|Find all the latest football transfers)\b.{0,160}$|"
    r"Most computers will open PDF documents automatically\b.{0,40}$|Download the reader here$)"
)


def gigaword_pair(row: Row) -> Row:
    """Gigaword: document and headline with Penn Treebank brackets and quotes, and entities, as people write them."""
    document, headline = (_plain_brackets(_one_line(html.unescape(row[name]))) for name in ("document", "summary"))
    return {"sentence": document, "headline": headline, "first_words": " ".join(document.split()[:4])}


def multi_news_articles(row: Row) -> Row:
    """Multi-News: the articles one after the other under "Article 1:", "Article 2:", …, and how one begins.

    The source joins them with `|||||` and writes line ends as NEWLINE_CHAR; summaries begin with a dash.
    That one is the first that is more than a caption or a notice about reprints.
    """
    parts = (part.replace("NEWLINE_CHAR", "\n") for part in row["document"].split("|||||"))
    articles = [_BLANK_LINES.sub("\n\n", _SPACES.sub(" ", part)).strip() for part in parts]
    articles = [article for article in articles if article]
    if len(articles) < 2:
        raise SkipRow("fewer than two articles")
    return {
        "articles": "\n\n".join(f"Article {number}:\n{article}" for number, article in enumerate(articles, 1)),
        "count": len(articles),
        "beginning": _beginning(next((article for article in articles if len(article.split()) >= 40), articles[0])),
        "digest": re.sub(r"^[–—-]\s*", "", _one_line(row["summary"].replace("NEWLINE_CHAR", " "))),
    }


def newsroom_article(row: Row) -> Row:
    """Newsroom: article and summary without outer spaces, the title where there is one, and how the article begins."""
    text = row["text"].strip()
    return {
        "article": text,
        "title": _one_line(row["title"] or ""),
        "summary": _one_line(row["summary"]),
        "beginning": _beginning(text),
    }


def samsum_chat(row: Row) -> Row:
    """SAMSum: the dialogue one message a line, who speaks, and its last message.

    Windows line ends become plain ones, and a placeholder such as `<file_photo>` becomes "(photo)", so that a turn that
    is nothing but a picture is not empty. (FLAN put one space for all from the first `<` of a line to its last `>`.)
    """
    text = re.sub(r"<file_(photo|gif|video)>", r"(\1)", row["dialogue"])
    text = _TAG.sub(" ", re.sub(r"<file_\w+>", "(file)", text))
    messages = [message for line in text.splitlines() if (message := _one_line(line))]
    if len(messages) < 2:
        raise SkipRow("fewer than two messages")
    speakers = list(dict.fromkeys(message.partition(":")[0] for message in messages if ":" in message))
    if len(speakers) < 2:
        raise SkipRow("fewer than two speakers")
    return {
        "dialogue": "\n".join(messages),
        "before_last": "\n".join(messages[:-1]),
        "last_message": messages[-1],
        "speakers": _listed(speakers),
        "summary": _one_line(row["summary"]),
    }


_STRAY_STOP = re.compile(r"([.!?;:,])(?: \.)+(?= |$)")


def wikihow_section(row: Row) -> Row:
    """WikiLingua: instructions and their steps as one paragraph each, without stray marks around sentences."""
    source, target = (_STRAY_STOP.sub(r"\1", _one_line(row[name]).lstrip(".,;: ")) for name in ("source", "target"))
    return {"instructions": source, "steps": target, "beginning": _beginning(source)}


def wikihow_sections(row: Row) -> list[Row]:
    """WikiLingua as its authors publish it: each section of an article becomes a row; `page` says which are of one."""
    article: Mapping[str, Sequence[str]] = row["article"]
    return [
        {"source": document, "target": summary, "page": article["document"][0]}
        for document, summary in zip(article["document"], article["summary"], strict=False)
        if document and summary
    ]


_FOOTNOTE = re.compile(r"\s*\[\d{1,3}\]|\s*\(\d{1,2}\)(?=[.!?]?$)|(?<=[a-z][.!?])\d{1,2}$")
_REFERENCE = re.compile(
    r",,|https?:|\bwww\.|\baccessed\b|\b[Rr]etrieved (?:on|from)\b|\bpp?\. ?\d|\b[Vv]ol\.|\bNo\. ?\d+ ?\(|\bibid\b|"
    r"\bPress,? (?:\w+,? )?\d{4}|\b(?:Law Review|Quarterly|Journal of [A-Z][\w ]+),? (?:Vol|\d)|"
    r"^[^\w]*[A-Z][\w'’-]+, [A-Z][\w.-]*(?: [A-Z]\.?)*,? (?=[A-Z\"'‘“`])|"
    r"(?:^|, )\d{1,2} [A-Z][a-z]+ \d{4},? ?(?=[A-Z0-9]|$)|, \d{4},? ?$|\bChapter \d+\W*$"
)
"""What only a footnote has: a web address, pages, a volume, a publisher, an author's name turned round, a date last."""


def _is_argued(text: str) -> bool:
    """Whether a line is a sentence and not a piece of a footnote."""
    is_sentence = text.endswith((".", "!", "?", '"', "'", "”", ")")) and len(re.findall(r"[A-Za-z]{2,}", text)) >= 5
    return is_sentence and not _REFERENCE.search(text)


def idebate_arguments(row: Row) -> Row:
    """iDebate: up to ten argument sentences, numbered, in the order of the debate, with the motion and the claim.

    The rows hold the sentences in no order; their keys end in their position. Footnotes are left out: their numbers,
    what they refer to (a book, a page on the web), and fragments of fewer than five words. The tokeniser's spaces and
    brackets are undone.
    """
    sentences = row["_argument_sentences"]
    ordered = sorted(zip(sentences["key"], sentences["value"], strict=True), key=lambda pair: _position(pair[0]))
    texts = [_FOOTNOTE.sub("", _untokenised(text)).strip() for _, text in ordered]
    arguments = [text for text in texts if _is_argued(text)][:_MOST_OPINIONS]
    if len(arguments) < 2:
        raise SkipRow("fewer than two arguments")
    return {
        "arguments": _numbered(arguments),
        "first_argument": arguments[0],
        "motion": _one_line(row["_debate_name"]).rstrip("."),
        "claim": _one_line(row["_claim"]).rstrip(": "),
    }


def movie_reviews(row: Row) -> Row:
    """Rotten Tomatoes: up to ten critics' lines, numbered, with the title and the consensus, all without markup.

    In the `untitled_` texts the title is blotted out, so that it can be asked for.
    """
    critics = row["_critics"]
    reviews = [_one_line(_TAG.sub("", html.unescape(text))) for text in critics["value"]]
    reviews = [text for text in reviews if text][:_MOST_OPINIONS]
    if len(reviews) < 2:
        raise SkipRow("fewer than two reviews")
    title = _one_line(row["_movie_name"].replace("_", " "))
    consensus = _one_line(_TAG.sub("", html.unescape(row["_critic_consensus"])))
    return {
        "reviews": _numbered(reviews),
        "first_review": reviews[0],
        "title": title,
        "consensus": consensus,
        "untitled_reviews": _without(title, _numbered(reviews)),
        "untitled_consensus": _without(title, consensus),
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _ended(line: str) -> str:
    return line if line.endswith((".", "!", "?", '"', "”", "'", "’")) else line + "."


def _numbered(texts: Sequence[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]])


def _without(title: str, text: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(title)}(?!\w)", "[title]", text, flags=re.IGNORECASE) if title else text


def _position(key: str) -> int:
    return int(key.rpartition("_")[2]) if key.rpartition("_")[2].isdigit() else 0


def _beginning(text: str) -> str:
    """How a document begins, as long as fits the limit on targets."""
    return first_sentences(text, _BEGINNING)


def _plain_brackets(text: str) -> str:
    for token, mark in _TREEBANK:
        text = re.sub(token, mark, text, flags=re.IGNORECASE)
    return text


_TREEBANK = (
    (r"-lrb-", "("), (r"-rrb-", ")"), (r"-lsb-", "["), (r"-rsb-", "]"), (r"-lcb-", "{"), (r"-rcb-", "}"),
    (r"``|''", '"'), (r"\\/", "/"),
)  # fmt: skip


def _untokenised(text: str) -> str:
    """A tokenised sentence with its punctuation put back against the words."""
    text = _plain_brackets(_one_line(text))
    text = re.sub(r"\s+([.,;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[$£€])\s+", r"\1", text)
    text = re.sub(r"\s+(n't|'s|'re|'ve|'ll|'d|'m)\b", r"\1", text)
    return re.sub(r'"\s*([^"]*?)\s*"', r'"\1"', text)
