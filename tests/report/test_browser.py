"""The report in a real browser, from disk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.drawn_runs import World, write_run_folder
from visum_client.report import write_report


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
