"""Who types an address that has no page is told so on one; a program is told in JSON."""

import pytest
from fastapi.testclient import TestClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/play", "/label/7", "/docs", "/login", "/%3Cscript%3Ex"])
def test_a_browser_gets_a_page_that_leads_on(page: TestClient, path: str) -> None:
    answer = page.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "There is no page at" in answer.text
    assert '<a href="/label">Label</a>' in answer.text
    assert "<script" not in answer.text
    assert page.get(path, headers={"Accept": "application/json"}).json()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/gradio_api/nothing", "/assets/nothing.js"])
def test_a_route_or_file_that_is_not_there_is_no_page(page: TestClient, path: str) -> None:
    answer = page.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"


def test_pages_and_downloads_come_as_they_are(page: TestClient) -> None:
    for path in ("/", "/versions", "/sign-in", "/api/v1/export?what=votes"):
        assert page.get(path, headers=BROWSER).status_code == 200, path
