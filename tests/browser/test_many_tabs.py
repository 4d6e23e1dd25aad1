"""A browser opens six connections to one address: no page of ours may hold one for good."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_an_eighth_tab_comes_as_the_first_did(page: Page, app_url: str) -> None:
    tabs = [page, *(page.context.new_page() for _ in range(7))]
    for tab in tabs:
        tab.goto(f"{app_url}/people")
        expect(tab.locator("#arriving.there")).to_be_attached()
