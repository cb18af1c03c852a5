"""Numbers are for whoever has the token, and for nobody where there is none."""

import pytest
from django.db import DatabaseError
from django.test import Client as Browser
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as families
from pytest_django import Settings

from junocal import __version__
from junocal.ops import metrics

TOKEN = "a token of tests"


@pytest.fixture
def token(settings: Settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return TOKEN


def ask(client: Browser, authorization: str) -> tuple[int, str]:
    answer = client.get("/metrics", headers={"Authorization": authorization})
    return answer.status_code, answer.content.decode()


def test_without_a_token_there_is_no_such_page(client: Browser, db: None) -> None:
    assert ask(client, "Bearer ")[0] == 404
    assert ask(client, "")[0] == 404


WRONG = ["", "Bearer", "Bearer ", "Bearer a token", f"Basic {TOKEN}", "Bearer ä"]


@pytest.mark.parametrize("wrong", WRONG)
def test_with_a_wrong_one_nothing_is_told(client: Browser, token: str, wrong: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": wrong})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "junocal" not in answer.content.decode()


def test_prometheus_can_read_what_it_gets(client: Browser, token: str, db: None) -> None:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    found = {family.name: family for family in families(answer.content.decode())}
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert found["junocal_info"].samples[0].labels == {"version": __version__}
    assert len(found) > 10


def test_a_database_that_is_away_is_said(
    client: Browser, token: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[Metric]:
        raise DatabaseError

    monkeypatch.setattr(metrics, "_sources", [away])

    assert ask(client, f"Bearer {token}") == (503, "the database does not answer\n")
