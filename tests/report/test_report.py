"""The report is one file that shows the whole run and trusts nothing in it."""

import html
import inspect
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.report.drawn_runs import HOSTILE_NAMES, World, edit_json, write_run_folder
from visum_client.errors import RunFolderError
from visum_client.report import write_report
from visum_client.report.rendering import SCRIPTS

VOID = {"img", "meta", "link", "br", "hr", "input"}
MEGABYTE = 1_000_000


class Outline(HTMLParser):
    """Elements and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\u00a0", " ").split())


def report_of(folder: Path) -> Outline:
    return Outline(write_report(folder).read_text(encoding="utf-8"))


def parts(page: Outline) -> list[dict[str, str | None]]:
    return [attributes for attributes in page.named("a") if attributes.get("class") == "part"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A run that tests only read."""
    return write_run_folder(tmp_path_factory.mktemp("drawn") / "run", World())


@pytest.fixture(scope="module")
def page(drawn) -> Outline:
    """Its report."""
    return report_of(drawn)


def test_the_report_lies_in_the_run_folder_and_nothing_else_is_left(run_folder):
    before = set(run_folder.rglob("*"))
    assert write_report(run_folder) == run_folder / "report.html"
    assert set(run_folder.rglob("*")) - before == {run_folder / "report.html"}


def test_the_same_run_gives_the_same_report(run_folder):
    first = write_report(run_folder).read_bytes()
    assert write_report(run_folder).read_bytes() == first


def test_every_element_is_closed(page):
    assert page.open == []


def test_the_report_refers_to_nothing_outside(page):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "action", "poster", "xlink:href"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:image/jpeg;base64,")), (tag, name, target[:80])
    style = (Path(inspect.getfile(write_report)).parent / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_admits_only_the_report_s_own_script_and_style(page):
    policies = [m["content"] for m in page.named("meta") if "http-equiv" in m]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policies[0]
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policies[0])


def test_every_link_within_the_page_leads_somewhere(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"] for attributes in page.named("a") + page.named("use")]
    assert {target[1:] for target in targets} <= set(ids)


def test_hostile_names_are_shown_but_never_executed(page):
    assert len(page.named("script")) == len(SCRIPTS)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    titles = {attributes.get("title") for attributes in page.named("bdi")}
    assert {f"birds/{name}" for name in HOSTILE_NAMES} <= titles
    assert "painted <b>fish</b>" in page.text
    assert page.named("b") == []


def test_a_hostile_class_name_stays_text(tmp_path):
    target = "</title><script>window.hacked = 1</script>"
    page = report_of(write_run_folder(tmp_path / "run", World(target=target)))
    assert len(page.named("script")) == len(SCRIPTS)
    assert target in page.text


def test_every_member_is_shown_in_its_summary(drawn, page):
    summaries = json.loads((drawn / "summaries.json").read_text())
    clusters = [*summaries["summaries"], *summaries["discarded"]]
    expected = []
    for cluster in clusters:
        for member in cluster["members"]:
            x0, y0, x1, y1 = member["box"]
            expected.append(f"{x0} {y0} {x1 - x0} {y1 - y0}")
    assert [part["data-box"] for part in parts(page)] == expected


def test_every_picture_of_a_part_says_what_it_shows(page):
    alts = [image["alt"] for image in page.named("img")]
    assert sum("in red" in (alt or "") for alt in alts) == len(parts(page))
    assert all(alt is not None for alt in alts)


def test_every_used_image_is_embedded_once(page):
    embedded = [attributes["href"] for attributes in page.named("image")]
    assert len(embedded) == len(set(embedded)) == 8


def test_sizes_drops_and_ssim_are_told(page):
    text = page.text
    assert "Drop 64 % Size 8 images 100 % of the images SSIM 0.41" in text


def test_discarded_clusters_are_told_with_reasons(page):
    text = page.text
    assert "Too few images 2 images · SSIM 0.20 2 images, 3 needed" in text
    assert "4 parts match no other. Left out as redundant before clustering: 1 part." in text


def test_images_left_out_are_told_with_classes_and_reasons(page):
    text = page.text
    assert "odd_0.jpg painted <b>fish</b> (61 %); target 8.0 %" in text
    assert "broken_0.jpg not a picture: it begins with <html>" in text


def test_configuration_versions_and_timings_are_told(page):
    text = page.text
    assert "model.sha256 " + "ab" * 32 in text
    assert "admit_unrecognized no" in text
    assert "services.mask.version 0.1.0" in text
    assert "matching done 8 of 8 12.5 s" in text
    assert "Timings 1 min 2 s" in text


def test_missing_optional_values_are_tolerated(run_folder):
    def strip_run(content):
        for name in ("versions", "stages", "created", "finished"):
            del content[name]

    def strip_images(content):
        for image in content["images"]:
            image["target_probability"] = image["reason"] = None
            image["predicted"] = []

    def strip_summaries(content):
        for name in ("singletons", "redundant", "converged", "discarded"):
            del content[name]
        for summary in content["summaries"]:
            summary["ssim"] = summary["drop"] = summary["drop_log_odds"] = None
            for member in summary["members"]:
                del member["drop"]

    edit_json(run_folder / "run.json", strip_run)
    edit_json(run_folder / "images.json", strip_images)
    edit_json(run_folder / "summaries.json", strip_summaries)
    text = report_of(run_folder).text
    assert "Drop \u2013 Size 8 images 100 % of the images SSIM \u2013" in text
    assert "strongest" not in text
    assert "None" not in text


def test_a_run_without_summaries_says_so(tmp_path):
    page = report_of(write_run_folder(tmp_path / "run", World(summaries=0)))
    assert "0 summaries" in page.text
    assert "no summary was found" in page.text
    assert len(page.named("image")) == 8


def test_an_unfinished_run_shows_its_masks(run_folder):
    (run_folder / "summaries.json").unlink()
    page = report_of(run_folder)
    assert "The run is not finished" in page.text
    assert len(page.named("image")) == 8


def test_a_run_that_has_only_begun_has_a_report(run_folder):
    (run_folder / "summaries.json").unlink()
    (run_folder / "images.json").unlink()
    assert "0 images" in report_of(run_folder).text


def test_a_failed_run_says_why(run_folder):
    edit_json(run_folder / "run.json", lambda run: run.update(status="failed", error={"message": "the <disk> is full"}))
    assert "The run failed: the <disk> is full" in report_of(run_folder).text


def test_a_clustering_that_did_not_converge_is_told(run_folder):
    edit_json(run_folder / "summaries.json", lambda content: content.update(converged=False))
    assert "did not converge" in report_of(run_folder).text


def test_an_image_without_a_mask_is_shown_without_outline(run_folder):
    edit_json(run_folder / "summaries.json", lambda content: content.update(summaries=[], discarded=[]))
    edit_json(run_folder / "images.json", lambda content: content["images"][0].update(mask=None, reason="no region"))
    page = report_of(run_folder)
    assert len(page.named("image")) == 8
    assert len(page.named("path")) == 7
    assert "no region" in page.text


def test_views_that_are_not_square_keep_their_proportions(run_folder):
    image = json.loads((run_folder / "images.json").read_text())["images"][0]["digest"]
    for name in (f"views/{image}.jpg", f"masks/{image}.png", f"masks/{image}.regions.png"):
        path = run_folder / name
        pixels = np.asarray(Image.open(path))[:60]
        Image.fromarray(pixels).save(path)
    views = report_of(run_folder).named("image")
    assert (views[0]["width"], views[0]["height"]) == ("96", "60")


@pytest.mark.parametrize("name", ["views/{}.jpg", "masks/{}.png", "masks/{}.regions.png"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_an_unreadable_picture_is_named(run_folder, name, damage):
    digest = json.loads((run_folder / "images.json").read_text())["images"][0]["digest"]
    path = run_folder / name.format(digest)
    path.write_bytes(b"no picture") if damage == "damaged" else path.unlink()
    with pytest.raises(RunFolderError, match=re.escape(str(path))):
        write_report(run_folder)


def test_an_earlier_report_survives_a_failure(run_folder):
    before = write_report(run_folder).read_bytes()
    edit_json(
        run_folder / "summaries.json", lambda content: content["summaries"][0]["members"][0].update(image="0" * 64)
    )
    with pytest.raises(RunFolderError, match="not a used image"):
        write_report(run_folder)
    assert (run_folder / "report.html").read_bytes() == before


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match=re.escape("run.json")):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "images.json", "summaries.json"])
def test_another_format_is_refused(run_folder, name):
    edit_json(run_folder / name, lambda content: content.update(format=2))
    with pytest.raises(RunFolderError, match=name):
        write_report(run_folder)


def test_a_digest_cannot_lead_out_of_the_folder(run_folder):
    edit_json(run_folder / "images.json", lambda content: content["images"][0].update(digest="../../secret"))
    with pytest.raises(RunFolderError, match="64 hexadecimal digits"):
        write_report(run_folder)


def test_a_run_of_sixty_images_stays_under_ten_megabytes(tmp_path):
    world = World(images=60, summaries=4, side=224, texture=12.0)
    report = write_report(write_run_folder(tmp_path / "run", world))
    assert report.stat().st_size < 10 * MEGABYTE
    assert len(parts(Outline(report.read_text()))) == 60 + 59 + 58 + 57 + 2


def test_names_survive_the_way_into_the_page(run_folder):
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert html.escape(HOSTILE_NAMES[2], quote=False) in page
