"""The report as a reader has it: in a browser, at the widths of a phone and of a desk, in the dark and on paper."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from made_run import FREE, SENTIMENT, Made, answers, write_evaluation, write_run

from openflan.evaluation.results import ResultsError
from openflan.report.page import write_report

Open = Callable[..., Any]


def cards(page: Any) -> Any:
    return page.locator("article.prompt")


def test_the_page_is_one_file_that_asks_for_nothing(reported: Path, opened: Open) -> None:
    page = opened(reported)
    assert page.asked == [(reported / "report.html").as_uri()]
    assert page.errors == []
    assert "http" not in (reported / "report.html").read_text(encoding="utf-8").replace('http-equiv="', "")


@pytest.mark.parametrize("width", [420, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hangs_over_the_edge(reported: Path, opened: Open, width: int, scheme: str) -> None:
    page = opened(reported, width, color_scheme=scheme)
    for details in page.locator("details > summary").all():
        if details.is_visible():
            details.click()
    over = page.evaluate("""() => [...document.querySelectorAll('body *')]
        .filter((one) => !one.closest('.wide, pre') && one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 80))""")
    assert over == []
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def contrast(page: Any, selector: str) -> float:
    """WCAG contrast of an element's text against the background behind it."""
    return float(
        page.evaluate(
            """(selector) => {
        const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const pixel = (colour) => {
          canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        const linear = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = (rgb) => rgb.slice(0, 3).map(linear)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        let one = document.querySelector(selector), behind = one;
        while (behind && pixel(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
        const ground = behind ? pixel(getComputedStyle(behind).backgroundColor) : [255, 255, 255];
        const pair = [light(pixel(getComputedStyle(one).color)), light(ground)].sort((a, b) => b - a);
        return (pair[0] + 0.05) / (pair[1] + 0.05);
    }""",
            selector,
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("selector", ["h1", ".told li", ".card .what", "p.dim", ".numbers td", ".legend span"])
def test_text_stands_out_by_day_and_by_night(reported: Path, opened: Open, scheme: str, selector: str) -> None:
    page = opened(reported, color_scheme=scheme)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    assert contrast(page, selector) >= 4.5


def test_paper_shows_every_setting_and_no_controls(reported: Path, opened: Open) -> None:
    page = opened(reported)
    page.emulate_media(media="print")
    panes = page.locator(".pane")
    assert panes.count() == 2
    assert not page.locator(".controls").is_visible()
    assert not page.locator("fieldset.switch").is_visible()


def test_the_setting_switches_results_and_prompts(reported: Path, opened: Open) -> None:
    page = opened(reported)
    assert page.locator(".pane[data-setting=bare]").is_visible()
    assert not page.locator(".pane[data-setting=options]").is_visible()
    assert "OPTIONS" not in cards(page).first.inner_text()
    page.locator("input[name=setting][value=options]").check()
    assert page.locator(".pane[data-setting=options]").is_visible()
    assert not page.locator(".pane[data-setting=bare]").is_visible()
    assert page.locator("article.prompt pre", has_text="OPTIONS:").count() > 0


def test_prompts_are_filtered_searched_and_marked(reported: Path, opened: Open) -> None:
    page = opened(reported)
    page.select_option("select[name=dataset]", "sst2")
    assert {one.inner_text() for one in page.locator("article.prompt header > b").all()} == {"sst2"}

    page.select_option("select[name=model]", label="tuned")
    tuned = "section:has(h4:has-text('tuned')):not(:has(h4:has-text('untuned')))"
    for outcome, sign in (("right", "✓ right"), ("wrong", "✗ wrong")):
        page.select_option("select[name=outcome]", outcome)
        assert cards(page).count() > 0
        for card in cards(page).all():
            assert sign in card.locator(tuned).first.inner_text()

    page.select_option("select[name=outcome]", "changed")
    for card in cards(page).all():
        assert {"✓", "✗"} <= set(card.inner_text())

    page.select_option("select[name=outcome]", "")
    page.fill("input[name=text]", "sentence 7,")
    assert cards(page).count() > 0
    assert all("sentence 7," in card.inner_text() for card in cards(page).all())
    page.fill("input[name=text]", "no prompt says this")
    assert page.locator("#count").inner_text() == "No prompt is like that."


def test_options_show_log_probabilities_and_shares(reported: Path, opened: Open) -> None:
    page = opened(reported)
    option = cards(page).first.locator("ul.options li").first
    assert float(option.locator(".n").inner_text()) < 0
    assert option.locator(".meter i").evaluate("(bar) => bar.style.width").endswith("%")
    assert cards(page).first.locator("li.chosen").count() >= 1


def test_the_keyboard_reaches_every_control(reported: Path, opened: Open) -> None:
    page = opened(reported)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.tagName"))
    assert {"setting", "dataset", "model", "outcome", "text"} <= reached


def test_every_control_has_a_name(reported: Path, opened: Open) -> None:
    page = opened(reported)
    nameless = page.evaluate("""() => [...document.querySelectorAll('input, select, button')]
        .filter((one) => !(one.labels && one.labels.length) && !one.textContent.trim() && !one.ariaLabel)
        .map((one) => one.outerHTML)""")
    assert nameless == []
    pictures = page.evaluate("""() => [...document.querySelectorAll('svg')]
        .filter((one) => !one.closest('[aria-hidden=true], [role=img][aria-label]')).map((one) => one.outerHTML)""")
    assert pictures == []


def test_what_a_model_wrote_is_never_markup(tmp_path: Path, opened: Open) -> None:
    hostile = '<img src=x onerror="window.run=1"></script><script>window.run=1</script>{{ 7 * 7 }}\u2028'
    rows = [
        {**row, "prompt": hostile + row["prompt"], "generated": hostile, "target": hostile, "references": [hostile]}
        for row in answers((FREE, *SENTIMENT), lambda *_: 0.5, ["bare"])
    ]
    write_evaluation(tmp_path / "eval" / "hostile", rows, "hostile", ["bare"])
    write_report(tmp_path / "eval")
    page = opened(tmp_path / "eval")
    assert page.evaluate("window.run") is None
    assert page.errors == []
    assert page.locator("article.prompt pre", has_text="<img src=x").count() > 0


def test_links_lead_to_files(reported: Path, opened: Open) -> None:
    page = opened(reported)
    links = [one.get_attribute("href") for one in page.locator("ul.files a").all()]
    assert {"summary.json", "report_tasks.csv", "report_templates.csv"} <= set(links)
    for link in links:
        assert (reported / unquote(link)).exists(), link
    for anchor in page.locator("nav a").all():
        assert page.locator(anchor.get_attribute("href")).count() == 1


def test_tables_hold_what_the_page_shows(reported: Path) -> None:
    with (reported / "report_tasks.csv").open(encoding="utf-8", newline="") as file:
        tasks = list(csv.DictReader(file))
    summary = json.loads((reported / "summary.json").read_text(encoding="utf-8"))
    by_key = {(row["model"], row["setting"], row["dataset"]): row for row in tasks}
    for model, settings in summary["models"].items():
        for setting, values in settings.items():
            for task in values["tasks"]:
                row = by_key.pop((model, setting, task["name"]))
                if task["mean"]:
                    assert float(row["mean"]) == pytest.approx(task["mean"]["value"], abs=1e-4)
                assert int(row["rows"]) == task["rows"]
    assert by_key == {}
    with (reported / "report_templates.csv").open(encoding="utf-8", newline="") as file:
        templates = [row for row in csv.DictReader(file) if row["model"] == "tuned" and row["dataset"] == "sst2"]
    assert sorted({row["template"] for row in templates}) == ["0", "1", "2"]


def test_a_later_evaluation_is_picked_up(tmp_path: Path, opened: Open) -> None:
    folder = write_run(tmp_path / "run")
    rows = list(answers(SENTIMENT, lambda *_: 0.9, ["bare"]))
    write_evaluation(folder / "eval" / "asked-later", rows, "asked-later", ["bare"])
    write_report(folder)
    page = opened(folder)
    assert "asked-later" in page.locator(".legend").inner_text()
    assert page.locator("select[name=model] option", has_text="asked-later").count() == 1


def test_a_damaged_evaluation_is_named_and_the_rest_is_shown(tmp_path: Path, opened: Open) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "eval" / "untuned" / "prompts.parquet").write_bytes(b"PAR1 cut short")
    write_report(folder)
    page = opened(folder)
    assert "eval/untuned" in page.locator("section.warning").inner_text()
    assert "tuned" in page.locator(".legend").inner_text()


def test_an_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="nothing to report on"):
        write_report(tmp_path)


def test_datasets_of_one_card_stay_apart(reported: Path, opened: Open) -> None:
    page = opened(reported)
    names = {one.text_content() for one in page.locator(".pane[data-setting=bare] .numbers tbody th[scope=row]").all()}
    assert {"anli:r1", "anli:r3"} <= names


def test_many_options_and_long_names_still_fit(tmp_path: Path, opened: Open) -> None:
    long = Made("a_dataset_with_a_rather_long_name", "misc", tuple(f"option number {n}" for n in range(12)))
    folder = write_run(tmp_path / "run", made=(*SENTIMENT, long))
    write_report(folder)
    page = opened(folder, 420)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert "a_dataset_with_a_rather_long_name" in page.locator("body").inner_text()
