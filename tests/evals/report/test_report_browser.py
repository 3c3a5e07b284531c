"""The page in real Chromium: it opens from disk, draws every plot, and complains of nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from evals.report.model_risk import html as pack_html
from evals.report.model_risk import pack
from evals.report.page import page

CHROMIUM = os.environ.get("FINROUTE_CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium: install one, or name it in FINROUTE_CHROMIUM"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(adopting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "decision.html"
    path.write_text(page(adopting.record, adopting.seen), encoding="utf-8")
    return path


def opened(browser: Browser, file: Path, *, width: int, **told: object) -> tuple[Page, list[str]]:
    """The page, and whatever went wrong with it."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, **told)  # pyright: ignore
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    tab.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    tab.on("request", lambda request: request.url.startswith("file:") or wrong.append(request.url))
    tab.goto(file.as_uri())
    return tab, wrong


def expected(record) -> dict[str, int]:
    """How many marks each plot has."""
    arms = record.arms
    writing = [arm for arm in arms if arm.tokens]
    found = {
        "forest": len(record.gains),
        "cost": len(arms),
        "latency": len(arms),
        "seeds": sum(len(arm.runs) for arm in arms),
        "lengths": 2 * len(writing),
        "passes": 2 * sum(len(arm.curve) for arm in arms),
        "power": len(record.power.rows),
    }
    for place, told in enumerate(record.design_text["contrasts"], 1):
        gain = next(g for g in record.gains
                    if (g.arm, g.against) == (told["arm"], told["against"]))  # fmt: skip
        found[f"companies-{place}"] = len(gain.by_company)
    return found


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_every_plot_is_drawn_and_nothing_complains(
    browser: Browser, adopting, file: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    tab, wrong = opened(browser, file, width=width, color_scheme=scheme)
    counted = expected(adopting.record)
    assert sorted(tab.eval_on_selector_all("svg.plot", "all => all.map(one => one.id)")) == sorted(
        counted
    )
    for name, marks in counted.items():
        plot = tab.locator(f"svg#{name}")
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 80
        assert plot.locator(".mark").count() == marks, name
        drawn = plot.locator(".mark").evaluate_all(
            "all => all.filter(one => { const b = one.getBoundingClientRect();"
            " return b.width > 0 && b.height > 0; }).length"
        )
        assert drawn == marks, name
        assert plot.locator("text").count() > 2
    # The body never scrolls sideways; wide tables do, in their own frame.
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.screenshot(path=tmp_path / f"decision-{width}.png", full_page=True)
    assert (tmp_path / f"decision-{width}.png").stat().st_size > 50_000
    assert wrong == []
    tab.close()


def test_letters_of_a_plot_stand_on_its_sheet_and_not_on_each_other(
    browser: Browser, file: Path
) -> None:
    tab, _ = opened(browser, file, width=1280)
    outside = tab.eval_on_selector_all(
        "svg.plot",
        """all => all.flatMap(plot => { const sheet = plot.getBoundingClientRect();
          return [...plot.querySelectorAll('text')].filter(one => {
            const b = one.getBoundingClientRect();
            return b.left < sheet.left - 2 || b.right > sheet.right + 2 ||
                   b.top < sheet.top - 2 || b.bottom > sheet.bottom + 2;
          }).map(one => plot.id + ': ' + one.textContent); })""",
    )
    assert outside == []
    covered = tab.eval_on_selector_all(
        "svg.plot",
        """all => all.flatMap(plot => {
          const told = [...plot.querySelectorAll('text')].map(one =>
            [one.textContent, one.getBoundingClientRect()]);
          return told.flatMap(([name, a], at) => told.slice(at + 1).filter(([, b]) =>
            Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6
          ).map(([other]) => plot.id + ': ' + name + ' / ' + other)); })""",
    )
    assert covered == []
    tab.close()


def test_it_reads_without_scripts_and_prints_whole(
    browser: Browser, adopting, file: Path, tmp_path: Path
) -> None:
    tab, wrong = opened(browser, file, width=1280, java_script_enabled=False)
    tab.emulate_media(media="print")
    # What is folded up on a screen is there on paper.
    company = next(iter(adopting.record.gains[0].by_company))
    row = tab.locator("#companies-section th", has_text=company).first
    assert row.bounding_box() is not None
    tab.pdf(path=tmp_path / "decision.pdf", format="A4")
    assert (tmp_path / "decision.pdf").read_bytes().startswith(b"%PDF")
    assert wrong == []
    tab.close()


def test_the_model_risk_pack_opens_too(browser: Browser, adopting, tmp_path: Path) -> None:
    path = tmp_path / "model-risk.html"
    path.write_text(pack_html(pack(adopting.record)), encoding="utf-8")
    tab, wrong = opened(browser, path, width=400)
    assert tab.locator("section").count() == 14
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    assert wrong == []
    tab.close()
