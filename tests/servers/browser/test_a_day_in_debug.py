"""What a developer sees in the browser: missing URLs, wrong methods, exceptions, lost files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from ..client import HOST
from ..process import running, wait_until
from ..servers import answers, free_port
from .conftest import APPLICATION
from .page import Page

ENOUGH_CONTRAST = 4.5


def test_a_missing_url_shows_the_routes_and_marks_the_nearest(page: Page) -> None:
    page.open("/userz")
    assert page.browser.title == "404 Not Found: GET /userz"
    assert page.text("h1") == "404 Not Found"
    assert page.text(".hint") == "Is it /users that you mean?"
    (near,) = page.find_all("tr.near")
    assert near.text.startswith("GET /users nearest users application.py:")
    other = page.find("tbody tr:not(.near) td")
    background = near.find_element("css selector", "td").value_of_css_property("background-color")
    assert background != other.value_of_css_property("background-color")
    assert [row.text.split()[1] for row in page.find_all("tbody tr")][-1].startswith("/static/")
    page.find("tr.near a").click()
    assert page.browser.current_url == f"{page.address}/users"


@pytest.mark.parametrize("path", ["/userz", "/nowhere/near", "/photos"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(page: Page, scheme: str, path: str) -> None:
    page.look(scheme)
    page.open(path)
    contrasts = page.contrasts()
    assert len(contrasts) > 10
    assert {text: ratio for text, ratio in contrasts.items() if ratio < ENOUGH_CONTRAST} == {}


def test_the_page_is_as_light_or_dark_as_the_user_likes(page: Page) -> None:
    page.open("/userz")
    light = page.find("body").value_of_css_property("background-color")
    page.look("dark")
    dark = page.find("body").value_of_css_property("background-color")
    assert (light, dark) == ("rgba(255, 255, 255, 1)", "rgba(20, 24, 29, 1)")


@pytest.mark.parametrize("path", ["/userz", f"/{'longpath' * 20}", "/photos"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_window(page: Page, path: str, width: int) -> None:
    page.resize(width, 740)
    page.open(path)
    assert page.run("return document.documentElement.scrollWidth") <= width


def test_the_browser_has_nothing_to_complain_about(page: Page) -> None:
    page.complaints()  # of the pages before
    page.open("/userz")
    assert page.complaints() == []
    assert page.run("return document.compatMode") == "CSS1Compat"
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def test_a_wrong_method_shows_what_the_url_answers(page: Page) -> None:
    page.open("/")
    page.find("#create").click()
    assert page.browser.title == "405 Method Not Allowed: POST /users"
    assert page.text(".hint") == (
        "/users does not answer POST, only GET, HEAD, OPTIONS. Let the view users answer it too,"
        " with @app.route('/users', methods=['GET', 'POST']) in place of @app.get or the like, or"
        " write another view, with @app.post('/users')."
    )
    (row,) = page.find_all("tbody tr")
    assert row.text.startswith("GET /users users application.py:")


def test_an_exception_shows_its_traceback_with_the_view(page: Page) -> None:
    page.open("/broken")
    assert page.browser.title == "IndexError: list index out of range // Werkzeug Debugger"
    frames = [frame.text for frame in page.find_all(".traceback .frame")]
    assert "application.py" in frames[-1]
    assert "in broken" in frames[-1]
    assert "return items[7]" in frames[-1]


def test_a_frame_of_the_traceback_has_a_console(page: Page) -> None:
    page.open("/broken")
    assert page.run("return EVALEX") is True
    assert page.run("return EVALEX_TRUSTED") is False  # it wants the PIN of the terminal


def test_a_message_that_teaches_is_the_title_of_the_debugger(page: Page) -> None:
    page.open("/nothing")
    title = page.browser.title
    assert title.startswith("TypeError: The view 'nothing' (")
    assert "a return statement is missing at its end or in one of its branches." in title


def send_file(page: Page, path: Path) -> None:
    path.write_text("a picture")
    page.find("input").send_keys(str(path))
    page.find("button").click()
    WebDriverWait(page.browser, 10).until(lambda browser: browser.title != "Upload")


def test_a_form_without_enctype_is_explained(page: Page, tmp_path: Path) -> None:
    page.open("/")
    send_file(page, tmp_path / "holiday.jpg")
    assert page.text("h1") == "BadRequestKeyError"
    message = page.text(".detail")
    assert "request.files has no 'photo'" in message
    assert "the name of the file only ('holiday.jpg')" in message
    assert 'Write <form method="post" enctype="multipart/form-data">.' in message


def test_a_form_with_enctype_brings_the_file(page: Page, tmp_path: Path) -> None:
    page.open("/right")
    send_file(page, tmp_path / "holiday.jpg")
    assert page.text("p") == "holiday.jpg"


def test_the_command_line_shows_the_debugger_too(browser: Chrome) -> None:
    port = free_port()
    command = [sys.executable, "-m", "microweb", "--app", APPLICATION.name]
    command += ["run", "--debug", "--port", str(port)]
    with running(command, APPLICATION.parent) as process:
        wait_until(lambda: answers(port), process)
        page = Page(browser, f"http://{HOST}:{port}")
        page.open("/broken")
        assert page.browser.title == "IndexError: list index out of range // Werkzeug Debugger"
        page.open("/userz")
        assert page.text("tr.near a") == "/users"
