"""One browser for all tests, and one application in debug mode behind a real server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from ..client import HOST
from ..process import running, wait_until
from ..programs import program
from ..servers import answers, free_port
from .page import Page

REMEDY = "apt-get install chromium chromium-driver"
APPLICATION = Path(__file__).with_name("application.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """A browser without a window. Both programs are named, so that nothing is downloaded."""
    options = ChromeOptions()
    options.binary_location = program("chromium", REMEDY)
    # As root, as in a container, there is no sandbox, and often little shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service(program("chromedriver", REMEDY)))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the application."""
    port = free_port()
    command = [sys.executable, str(APPLICATION), str(port)]
    with running(command, APPLICATION.parent) as process:
        wait_until(lambda: answers(port), process)
        yield f"http://{HOST}:{port}"


@pytest.fixture
def page(browser: Chrome, address: str) -> Iterator[Page]:
    """A page of the application, in a light window of a desktop at first."""
    page = Page(browser, address)
    page.look("light")
    page.resize(1200, 900)
    yield page
    browser.get("about:blank")
