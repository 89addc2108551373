"""The page in a browser: what people do on it, with tiny models behind it."""

import json
import re
import time

import pytest
from made_run import write_run
from playwright.sync_api import expect
from tiny_playground import served, tiny_playground

expect.set_options(timeout=30_000)
WAIT = 60_000


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    return tiny_playground(
        tmp_path_factory.mktemp("cards"), [write_run(tmp_path_factory.mktemp("runs") / "made", examples=40)]
    )


@pytest.fixture(scope="module")
def address(playground):
    with served(playground) as address:
        yield address


@pytest.fixture(scope="module")
def context(browser, address):
    made = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    made.set_default_timeout(WAIT)
    yield made
    made.close()


@pytest.fixture
def page(context, address):
    """The page, ready; whatever it logs as an error, or asks of anybody else, fails the test."""
    page = context.new_page()
    strange, errors = [], []
    page.on("request", lambda request: request.url.startswith((address, "blob:")) or strange.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    opened(page, address)
    yield page
    assert not strange
    assert not [
        error for error in errors if "status of 4" not in error
    ]  # Refusals that a test provokes are logged too.
    page.close()


def opened(page, address):
    page.goto(address)
    page.wait_for_selector("html[data-ready=yes]", state="attached")


def ask(page, instruction, *, options="", references="", tokens=6):
    page.fill("#instruction", instruction)
    page.fill("#options", options)
    page.fill("#references", references)
    page.evaluate(f"document.getElementById('max_tokens').value = {tokens}")
    page.keyboard.press("Control+Enter")
    finished(page)


def finished(page, runs=1):
    expect(page.locator(".run[aria-busy=false]")).to_have_count(runs)
    expect(page.locator("#stop")).to_be_disabled()


def texts(page, run=0):
    return page.locator(".run").nth(run).locator(".text").all_text_contents()


def test_models_answer_side_by_side_and_show_the_prompt_they_got(page):
    ask(page, "the cat sat on")
    answers = page.locator(".run .answer")
    assert [name.split("asked")[0] for name in answers.locator("h3").all_text_contents()] == ["first", "second"]
    assert len(set(texts(page))) == 2
    boxes = [answers.nth(number).bounding_box() for number in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    expect(page.locator("#status")).to_have_text(re.compile("^(first|second): "))
    answers.first.locator("summary").click()
    expect(answers.first.locator("pre")).to_have_text("the cat sat on\n")
    assert answers.first.locator(".token").count() > 3


def test_samples_follow_from_the_seed(page):
    page.locator("#how summary").click()
    for name, value in [("temperature", "1"), ("samples", "3"), ("seed", "7")]:
        page.fill(f"#{name}", value)
    ask(page, "people and")
    first = texts(page)
    assert len(first) == 6 and len(set(first[:3])) > 1
    page.keyboard.press("Control+Enter")
    finished(page, 2)
    assert texts(page) == first
    page.fill("#seed", "8")
    page.keyboard.press("Control+Enter")
    finished(page, 3)
    assert texts(page) != first


def test_options_are_ranked_with_and_without_the_list(page, playground):
    ask(page, "the cat sat on", options="a mat\nrain\n", references="rain")
    answer = page.locator(".run .answer").first
    tables = answer.locator("table")
    assert tables.locator("caption").all_text_contents() == ["Ranked, with the list of options", "Ranked, without it"]
    shares = [float(text.split()[0]) for text in tables.first.locator(".share").all_text_contents()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    bars = [tables.first.locator(".bar i").nth(number).bounding_box()["width"] for number in range(2)]
    assert bars[0] / sum(bars) == pytest.approx(shares[0] / 100, abs=0.05)
    ranked = playground.models["first"].rank("the cat sat on", ["a mat", "rain"])
    assert tables.nth(1).locator(".n").first.text_content() == f"{ranked[0].logprob:.2f}"
    assert "✓ right" in tables.first.locator("tr", has_text="rain").text_content()


def test_a_pair_is_one_click(page):
    page.locator("#gallery button", has_text="A warm review").click()
    finished(page, 2)
    titles = page.locator(".run h2").all_text_contents()
    assert len(titles) == 2 and page.locator(".run table").count() == 8
    assert "dislike" in page.input_value("#instruction") and page.input_value("#references") == "no"


def test_rows_of_the_catalog_are_walked_and_counted(page):
    page.click("#tab-catalog")
    page.select_option("#cluster", "commonsense")
    page.select_option("#dataset", "copa")
    expect(page.locator("#place")).to_have_text(re.compile("row 1 of"))
    first = page.input_value("#instruction")
    assert page.input_value("#references") in page.input_value("#options").split("\n")
    assert "OPTIONS" not in first
    page.check("#ask-at-once")
    page.keyboard.press("Alt+n")
    finished(page)
    expect(page.locator("#place")).to_have_text(re.compile("row 2 of"))
    assert page.input_value("#instruction") != first
    expect(page.locator("#tally")).to_have_text(
        re.compile(r"first: of 1, [01] ranked right, [01] written right; second")
    )
    assert page.locator(".run .answer").first.get_by_text("✓ right").count() >= 1
    page.keyboard.press("Alt+p")
    finished(page, 2)
    assert page.input_value("#instruction") == first
    expect(page.locator("#tally")).to_have_text(re.compile("first: of 2"))


def test_the_mistakes_of_a_run_are_asked_again(page):
    page.click("#tab-mistakes")
    page.select_option("#evaluation", "made/tuned")
    page.select_option("#wrong-dataset", "sst2")
    expect(page.locator("#wrong-count")).to_have_text(re.compile("1 to 20 of"))
    page.click("#wrong-on")
    expect(page.locator("#wrong-count")).to_have_text(re.compile("21 to"))
    page.locator("#wrong-list button").first.click()
    assert page.input_value("#instruction").startswith("sst2, sentence")
    assert page.input_value("#options") == "negative\npositive"


def test_the_history_is_kept_exported_imported_and_replayed(page, address, tmp_path):
    ask(page, "old towns", tokens=4)
    opened(page, address)
    page.click("#tab-history")
    entries = page.locator("#history-list button.open")
    assert entries.first.text_content() == "old towns"
    with page.expect_download() as saved:
        page.click("#export")
    saved.value.save_as(tmp_path / "history.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["state"]["instruction"] == "old towns" and set(lines[-1]["answers"]) == {"first", "second"}
    page.click("#clear")
    assert entries.count() == 0
    page.set_input_files("#import", tmp_path / "history.jsonl")
    expect(entries).to_have_count(len(lines))
    page.locator("#history-list button", has_text="Replay").first.click()
    finished(page)
    expect(page.get_by_text("The same as before.")).to_have_count(2)
    (tmp_path / "other.jsonl").write_text('{"state": {"instruction": 3}}\n', encoding="utf-8")
    page.set_input_files("#import", tmp_path / "other.jsonl")
    expect(page.locator("#problem")).to_have_text(re.compile("no history"))


def test_a_link_reproduces_a_state(page, context, address):
    page.evaluate("document.getElementById('seed').value = 11")
    ask(page, "räin & <b>fell</b> 雨", options="yes\nno", references="no")
    page.click("#link")
    link = page.locator("#link-shown").text_content().removeprefix("Copied: ")
    assert link.startswith(f"{address}/#s=")
    other = context.new_page()
    opened(other, link)
    finished(other)
    assert other.input_value("#instruction") == "räin & <b>fell</b> 雨" and other.input_value("#seed") == "11"
    assert texts(other) == texts(page)
    other.close()
    damaged = context.new_page()
    opened(damaged, link[:-5])
    expect(damaged.locator("#problem")).to_have_text(re.compile("link is damaged"))
    damaged.close()


def test_text_is_never_markup(page):
    text = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    ask(page, text, options=f"{text}\nno", references=text)
    page.locator(".prompt summary").first.click()
    expect(page.locator(".prompt pre").first).to_contain_text("<script>")
    page.click("#tab-history")
    assert page.locator("main img, main script").count() == 0 and page.title() == "openflan playground"


def test_stop_stops(page, playground):
    model = playground.models["first"]
    page.fill("#instruction", "the cat")
    page.evaluate("document.getElementById('max_tokens').value = 200; document.getElementById('samples').value = 8")
    page.evaluate("document.getElementById('temperature').value = 1")
    page.click("#ask")
    expect(page.locator(".run .text:not(.waiting)").first).to_be_visible()
    page.keyboard.press("Escape")
    finished(page)
    assert "Stopped." in page.locator(".run").first.text_content()
    until = time.monotonic() + 30
    while model.turns.inside and time.monotonic() < until:
        page.wait_for_timeout(20)
    assert model.turns.inside == 0
    assert len(texts(page)) < 16


def test_faults_are_sentences_and_the_page_goes_on(page, playground, monkeypatch):
    page.evaluate("document.getElementById('instruction').value = 'x'.repeat(1_000_000)")
    page.click("#ask")
    finished(page)
    expect(page.locator(".run .error").first).to_have_text(re.compile("over the limit of 200,000 characters"))
    page.evaluate("document.getElementById('instruction').value = 'x'.repeat(5_000_000)")
    page.click("#ask")
    finished(page, 2)
    expect(page.locator(".run .error").first).to_have_text(re.compile("the request is over the limit of 4 MiB"))
    model = type(playground.models["second"].scorer.model)
    with monkeypatch.context() as patch:
        patch.setattr(model, "forward", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
        page.fill("#instruction", "rain")
        page.click("#ask")
        finished(page, 3)
        expect(page.locator(".run").first.locator(".error")).to_have_text(re.compile("ran out of memory"))
        assert texts(page)[0]
    page.click("#ask")
    finished(page, 4)
    assert page.locator(".run").first.locator(".error").count() == 0


def test_templates_are_written_against_rows_checked_and_saved(page, tmp_path, playground):
    page.click("#view-workshop")
    page.select_option("#w-dataset", "copa")
    expect(page.locator("#w-fields")).to_have_text(re.compile("premise"))
    page.fill("#w-input", "{{ premise }}  Go on!\n\n{{ options_ }}")
    expect(page.locator("#w-prompts pre").first).to_have_text(re.compile(r"Go on!\n\nOPTIONS:\n- "))
    expect(page.locator("#w-findings .own").first).to_have_text(re.compile("FLN008"))
    page.fill("#w-input", "{{ premise")
    expect(page.locator("#w-findings .error")).to_have_text(re.compile("unexpected end"))
    page.fill("#w-input", "{{ premise }}\n\nGo on!\n\n{{ options_ }}")
    expect(page.locator("#w-prompts pre").first).to_have_text(re.compile("Go on!"))
    before = page.locator("#w-prompts h3").first.text_content()
    page.click("#w-next")
    expect(page.locator("#w-prompts h3").first).not_to_have_text(before)
    page.click("#w-save")
    expect(page.locator("#w-saved")).to_have_text(re.compile(r"Saved: .*copa\.yaml"))
    assert "Go on!" in (playground.workshop._folder / "copa.yaml").read_text(encoding="utf-8")
    page.click("#w-try")
    finished(page)
    assert "Go on!" in page.input_value("#instruction") and page.locator("#ask-view").is_visible()


@pytest.mark.parametrize("width", [420, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_off_the_page_and_text_can_be_read(browser, address, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(WAIT)
    opened(page, address)
    ask(page, "the cat sat on " * 20, options="a mat\nrain and nothing else but rain", references="rain")
    for view in ("#view-ask", "#view-workshop"):
        page.click(view)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_WORST_CONTRAST) >= 4.5
    page.close()


def test_everything_has_a_name_and_can_be_reached_by_keys(page):
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('input, textarea, select, button')]
            .filter((one) => !one.labels?.length && !one.textContent.trim() && !one.ariaLabel).map((one) => one.id)"""
    )
    assert unnamed == []
    assert page.evaluate("document.activeElement.id") == "instruction"
    page.focus("#tab-gallery")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-catalog"
    expect(page.locator("#catalog")).to_be_visible()
    expect(page.locator("#gallery")).to_be_hidden()


_WORST_CONTRAST = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (colour.startsWith('rgb(')) return numbers(colour);
    }
    return [255, 255, 255];
  };
  const shown = [...document.querySelectorAll('body *')].filter((one) =>
    one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...shown.filter((one) => !one.disabled && !one.closest(':disabled')).map((one) => {
    const [a, b] = [light(numbers(getComputedStyle(one).color)), light(behind(one))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""
