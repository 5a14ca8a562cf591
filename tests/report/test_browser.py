"""The page in a real browser."""

import shutil

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
VISIBLE = """
return [...document.querySelectorAll('img, svg')].map(e => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {width: box.width, height: box.height, natural: e.naturalWidth, complete: e.complete,
          shown: style.display !== 'none' && style.visibility === 'visible' && Number(style.opacity) > 0,
          alt: e.alt, source: (e.currentSrc || '').length};
});
"""

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs chromium and chromedriver (Debian: apt install chromium chromium-driver)",
)


@pytest.fixture
def browser(tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


def look(browser, path, width):
    browser.set_window_size(width, 900)
    browser.get(path.as_uri())
    return browser.execute_script(VISIBLE)


def test_every_figure_is_visible_and_the_console_is_silent(html, results, browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    sources = set()
    for width, scheme in ((1280, "light"), (1280, "dark"), (500, "light")):
        feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
        figures = look(browser, path, width)
        assert len(figures) == len(results)
        for figure in figures:
            assert figure["complete"]
            assert figure["natural"] > 0
            assert figure["width"] > 400
            assert figure["height"] > 300
            assert figure["shown"]
            assert figure["alt"]
        sources.add((scheme, figures[0]["source"]))
        # the page itself never scrolls sideways
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    assert len(sources) == 2
    assert browser.get_log("browser") == []
    assert browser.title == "Both detectors"


def test_a_broken_figure_would_be_seen(browser, tmp_path):
    path = tmp_path / "broken.html"
    path.write_text(
        '<img alt="x" src="data:image/svg+xml;base64,AAAA"><script>console.error("seen")</script>'
    )
    (figure,) = look(browser, path, 800)
    assert figure["natural"] == 0
    assert any("seen" in entry["message"] for entry in browser.get_log("browser"))
