"""The report in a real browser, from disk."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.drawn_runs import World, edit_json, write_run_folder
from visum_client import Run
from visum_client.compare.network_page import network_page
from visum_client.compare.networks import compare_networks
from visum_client.report import write_report
from visum_client.report.contents import read_contents
from visum_client.report.rendering import render_page
from visum_client.tags import SummaryTags, summaries_digest


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_report(write_run_folder(tmp_path_factory.mktemp("report") / "run", World()))


def outside(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:")) else [url]


@pytest.fixture
def opened(browser, report) -> Iterator[Callable[..., Any]]:
    """Opens the report; fails on any console message or request to somewhere else."""
    complaints: list[str] = []
    contexts = []

    def open_report(**options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.extend(outside(request.url)))
        page.goto(report.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert complaints == []


def test_it_opens_without_complaint_and_runs_no_smuggled_script(opened):
    page = opened()
    assert page.title() == "painted bird \u2013 what tinynet uses"
    assert page.evaluate("window.hacked") is None


def test_every_picture_can_be_decoded(opened):
    page = opened()
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


def test_a_click_opens_the_whole_image_with_mask_and_box(opened):
    page = opened()
    part = page.locator("#summary-1 a.part").nth(1)
    part.click()
    assert page.locator("dialog").evaluate("dialog => dialog.open")
    assert page.locator("#viewer-title").text_content() == "Summary 1: 2 of 8"
    box = page.locator("#viewer-picture rect.box")
    written = [box.get_attribute(name) for name in ("x", "y", "width", "height")]
    assert " ".join(written) == part.get_attribute("data-box")
    uses = page.locator("#viewer-picture use").evaluate_all("uses => uses.map(use => use.getBBox().width)")
    assert all(width > 0 for width in uses)
    assert page.locator("#viewer-part").text_content().startswith("Part: drop 63")


def test_enter_opens_arrows_step_and_escape_returns_to_the_member(opened):
    page = opened()
    page.locator("#summary-1 a.part").first.focus()
    page.keyboard.press("Enter")
    title = page.locator("#viewer-title")
    assert title.text_content() == "Summary 1: 1 of 8"
    page.keyboard.press("ArrowLeft")
    assert title.text_content() == "Summary 1: 1 of 8"
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert title.text_content() == "Summary 1: 8 of 8"
    page.keyboard.press("ArrowLeft")
    assert title.text_content() == "Summary 1: 7 of 8"
    page.keyboard.press("Escape")
    assert not page.locator("dialog").evaluate("dialog => dialog.open")
    focused = "[...document.querySelectorAll('#summary-1 a.part')].indexOf(document.activeElement)"
    assert page.evaluate(focused) == 6


def test_buttons_step_and_end_at_the_ends(opened):
    page = opened()
    page.locator("#discarded a.part").first.click()
    assert page.locator("#viewer-previous").is_disabled()
    page.locator("#viewer-next").click()
    assert page.locator("#viewer-title").text_content() == "Discarded cluster 1: 2 of 2"
    assert page.locator("#viewer-next").is_disabled()
    page.get_by_label("Close").click()
    assert not page.locator("dialog").evaluate("dialog => dialog.open")


def test_a_click_beside_the_dialog_closes_it(opened):
    page = opened()
    page.locator("#summary-1 a.part").first.click()
    page.mouse.click(5, 5)
    assert not page.locator("dialog").evaluate("dialog => dialog.open")


def test_without_scripts_a_member_leads_to_its_image(opened):
    page = opened(java_script_enabled=False)
    page.locator("#summary-1 a.part").nth(2).click()
    assert page.url.endswith("#image-3")
    assert page.locator("#image-3").is_visible()


def test_what_is_typed_is_downloaded_and_read_back(opened, report, tmp_path):
    page = opened()
    page.get_by_label("Name", exact=True).nth(0).fill("Head")
    page.get_by_label("Tags, separated by commas").nth(0).fill(" head, beak ,, head,\u202eevil, <b>bold</b>")
    page.get_by_label("Tags, separated by commas").nth(2).fill("legs")
    page.get_by_label("Your name or initials").fill("Anna & Co")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download tags").click()
    assert waiting.value.suggested_filename == "tags-painted-bird-anna-co.json"
    path = tmp_path / "anna.json"
    waiting.value.save_as(path)
    (tags,) = Run.load(report.parent).read_tags(path)
    assert (tags.rater, tags.model, tags.target) == ("Anna & Co", "tinynet", "painted bird")
    assert tags.summaries == {
        "S1": SummaryTags("Head", ("head", "beak", "evil", "<b>bold</b>")),
        "S3": SummaryTags("", ("legs",)),
    }
    assert "2 of 3 summaries named; downloaded" in page.get_by_role("status").text_content()


def test_the_keyboard_alone_names_and_downloads(opened):
    page = opened()

    def go_to(selector: str) -> None:
        for _ in range(300):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"{selector} is not reached")

    go_to(".naming-name")
    page.keyboard.type("Head")
    page.keyboard.press("Tab")
    page.keyboard.type("beak, eye")
    go_to("#download")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    (named,) = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))["summaries"]
    assert named == {"id": "S1", "name": "Head", "tags": ["beak", "eye"]}


def test_too_long_a_tag_is_pointed_out_and_not_downloaded(opened):
    page = opened()
    field = page.get_by_label("Tags, separated by commas").nth(1)
    field.fill("a" * 61)
    page.get_by_role("button", name="Download tags").click()
    assert field.evaluate("field => field === document.activeElement && field.ariaInvalid === 'true'")
    assert "at most 60 characters" in page.locator("#naming-problem-2").text_content()


def test_nothing_named_downloads_nothing(opened):
    page = opened()
    page.get_by_role("button", name="Download tags").click()
    assert page.get_by_role("status").text_content() == "Nothing is named yet."


def test_what_was_typed_survives_a_reload_until_it_is_cleared(opened):
    page = opened()
    page.get_by_label("Name", exact=True).nth(1).fill("wing")
    page.reload()
    assert page.get_by_label("Name", exact=True).nth(1).input_value() == "wing"
    page.get_by_role("button", name="Clear").click()
    page.reload()
    assert page.get_by_label("Name", exact=True).nth(1).input_value() == ""


def test_without_scripts_there_is_nothing_to_type_into(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("input:visible").count() == 0
    assert page.locator("noscript").is_visible()


def test_names_and_tags_of_others_are_shown_and_never_executed(browser, tmp_path):
    folder = write_run_folder(tmp_path / "run", World(images=4, summaries=2))
    named = [
        {"id": "S1", "name": "<img src=x onerror=window.hacked=1>", "tags": ['"><script>window.hacked=1</script>']}
    ]
    digest = summaries_digest(Run.load(folder).summaries)
    whole = {"kind": "visum tags", "format": 1, "run": digest, "summaries": named}
    (tmp_path / "tags.json").write_text(json.dumps(whole))
    context = browser.new_context()
    page = context.new_page()
    page.goto(write_report(folder, [tmp_path / "tags.json"]).as_uri())
    assert page.locator("#summary-1-title").text_content() == f"Summary 1: {named[0]['name']}"
    assert page.locator("#summary-1 .tag bdi").text_content() == named[0]["tags"][0]
    assert page.evaluate("window.hacked") is None
    context.close()


def test_the_order_of_focus_is_that_of_the_page(opened):
    page = opened()
    usable = "[...document.querySelectorAll('a[href], input, button, summary')]"
    places = []
    while (place := page.evaluate(f"{usable}.indexOf(document.activeElement)")) >= 0 or not places:
        places.append(place)
        page.keyboard.press("Tab")
    reached = places[1:]
    assert reached == sorted(reached)
    unreached = page.evaluate(f"{usable}.filter(element => !element.closest('dialog')).length") - len(reached)
    assert unreached == 0


def test_everything_that_can_be_used_has_a_name(opened):
    page = opened()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, svg[role=img], section, nav, [role=group]")]
          .filter((element) => {
            const labelled = (element.getAttribute("aria-labelledby") ?? "").split(" ")
              .map((id) => document.getElementById(id)?.textContent ?? "").join("");
            const own = element.ariaLabel ?? "";
            const text = element.labels?.[0]?.textContent ?? element.textContent;
            const alt = element.querySelector?.("img")?.alt ?? "";
            return !(own + labelled + text + alt).trim();
          }).map((element) => element.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(opened, width):
    page = opened(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(opened, scheme):
    page = opened(color_scheme=scheme)
    ratios = page.evaluate(CONTRASTS)
    assert min(ratios.values()) >= 4.5, ratios
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 23)") == (scheme == "dark")


def test_printing_shows_what_is_folded_and_hides_the_viewer(opened):
    page = opened()
    assert not page.locator(".glossary").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".glossary").evaluate("element => element.checkVisibility({contentVisibilityAuto: true})")
    assert not page.locator(".skip").is_visible()
    assert not page.locator("#tags").is_visible()


@pytest.fixture(scope="module")
def comparison(report, tmp_path_factory) -> Path:
    """The page of two runs of hostile names, of which one lacks a summary."""
    folder = tmp_path_factory.mktemp("comparison") / "other"
    shutil.copytree(report.parent, folder)
    hostile = {"name": "</script><img src=x onerror=window.hacked=1>"}
    edit_json(folder / "run.json", lambda run: run["configuration"]["model"].update(hostile))
    edit_json(folder / "summaries.json", lambda content: content["summaries"].pop(1))
    contents = [read_contents(path) for path in (report.parent, folder)]
    page = folder / "comparison.html"
    page.write_text(render_page("comparison.html", network_page(compare_networks(contents))), encoding="utf-8")
    return page


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 320, "height": 800}, "color_scheme": "dark"}])
def test_a_comparison_opens_without_complaint_and_fits_the_window(opened, comparison, options):
    page = opened(**options)
    page.goto(comparison.as_uri())
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth === innerWidth")
    assert page.locator(".compared").count() == 3
    assert page.locator(".absent").count() == 1
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0 && image.alt !== '')")
    assert "2 of 3" in page.locator(".prose").text_content().replace("\u00a0", " ")


CONTRASTS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    const hex = canvas.fillStyle;
    const linear = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const style = getComputedStyle(document.documentElement);
  const paper = luminance(style.getPropertyValue("--paper").trim());
  return Object.fromEntries(["--ink", "--soft", "--part"].map((name) => {
    const ink = luminance(style.getPropertyValue(name).trim());
    return [name, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
  }));
}
"""
