"""Draw the report of a run as the README shows it: ``python -m visum_demo.report_picture runs/demo/report.html``.

Needs the extra ``pictures`` (playwright) and Chromium.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH_PX = 1120
HEIGHT_PX = 1130
JPEG_QUALITY = 88


def draw_report(report: Path, out: Path, browser: str) -> None:
    """Write the top of a report, as the browser at that path shows it on a desktop, as JPEG."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.screenshot(path=out, type="jpeg", quality=JPEG_QUALITY)
        chromium.close()


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/report.jpg"))
    parser.add_argument("--browser", default=shutil.which("chromium"), help="Chromium (default: the one on the path)")
    options = parser.parse_args()
    if options.browser is None:
        parser.error("there is no chromium on the path: name one with --browser")
    draw_report(options.report, options.out, options.browser)
    print(f"{options.out}: {options.out.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
