"""Something broke: the page says so, and which log lines tell more."""

import pytest
from django.test import Client as Browser

from junocal.ops import health


def test_the_page_names_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "whats_wrong", lambda: 1 / 0)
    browser = Browser(raise_request_exception=False)

    answer = browser.get("/readyz", headers={"X-Request-ID": "edge-0123456789abcdef"})

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "edge-0123456789abcdef" in answer.content.decode()
