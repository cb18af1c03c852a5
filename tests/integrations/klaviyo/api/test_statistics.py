"""Requests are counted without a statement, and kept by one."""

import logging
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations.http import Answer, NoAnswerError
from integrations.klaviyo.api import statistics
from integrations.klaviyo.api.statistics import BUCKETS_S, Statistics
from integrations.klaviyo.models import ClientSync, Tally
from integrations.klaviyo.outbox import liveness
from tests.support.klaviyo.oauth_steps import come_back, leave
from tests.support.klaviyo.scene import Scene, claim

Key = tuple[str, str, str]
REQUEST: Key = ("request", "get_profiles", "ok")


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Statistics:
    """What this test counts, and nothing from before it."""
    own = Statistics()
    monkeypatch.setattr(statistics, "ours", own)
    return own


def kept() -> dict[Key, int]:
    rows = Tally.objects.values_list("what", "operation", "outcome", "count")
    return {(what, operation, outcome): count for what, operation, outcome, count in rows}


def test_what_was_counted_is_added_in_one_statement(
    own: Statistics, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for seconds in (0.01, 0.07, 99):
        own.add(REQUEST, seconds=seconds)
    own.add(("takeover", "", ""), 3)
    with django_assert_num_queries(1):
        own.flush()
    own.add(REQUEST, seconds=0.08)
    with django_assert_num_queries(1):
        own.flush()

    tally = Tally.objects.get(what="request")
    assert kept() == {REQUEST: 4, ("takeover", "", ""): 3}
    assert tally.seconds == pytest.approx(99.16)
    assert tally.buckets == [1, 2, *[0] * (len(BUCKETS_S) - 2), 1]


def test_nothing_new_costs_nothing(
    own: Statistics, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        own.flush()


def test_what_could_not_be_kept_is_counted_next_time(
    own: Statistics, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        own.add(REQUEST, seconds=1)  # another thread's, meanwhile
        raise DatabaseError

    own.add(REQUEST, seconds=1)
    with monkeypatch.context() as patch:
        patch.setattr(statistics, "write", away)
        with pytest.raises(DatabaseError):
            own.flush()
    own.flush()

    assert kept() == {REQUEST: 2}


@pytest.mark.django_db(transaction=True)
def test_threads_and_workers_that_count_and_flush_at_once_lose_nothing() -> None:
    """Each worker flushes rows of its own order: no deadlock either."""
    workers = [Statistics() for _ in range(4)]
    keys: list[Key] = [("request", operation, "ok") for operation in "abcdef"]

    def work(worker: Statistics, order: int) -> None:
        try:
            for _ in range(25):
                for key in keys[::order]:
                    worker.add(key, seconds=0.01)
                worker.flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(work, worker, order) for worker in workers for order in (1, -1)]
        for each in done:
            each.result()
    for worker in workers:
        worker.flush()

    assert kept() == dict.fromkeys(keys, 4 * 2 * 25)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (202, "ok"),
        (302, "rejected"),
        (400, "rejected"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "conflict"),
        (410, "rejected"),
        (429, "throttled"),
        (500, "broken"),
        (503, "broken"),
    ],
)
def test_each_answer_has_its_word(status: int, outcome: str) -> None:
    assert statistics.outcome_of(status) == outcome


@pytest.mark.parametrize(("sent", "outcome"), [(True, "no_answer"), (False, "not_sent")])
def test_no_answer_has_one_too(own: Statistics, db: None, sent: bool, outcome: str) -> None:
    def send() -> Answer:
        raise NoAnswerError("ReadTimeout", sent=sent)

    with pytest.raises(NoAnswerError):
        statistics.timed("get_profiles", send)
    own.flush()

    assert kept() == {("request", "get_profiles", outcome): 1}


def test_each_request_has_a_line_without_anybodys_data(
    own: Statistics, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "integrations.klaviyo.api.statistics")
    scene.add(email="ana@example.com", first_name="Ana")

    connection = scene.sync()
    own.flush()

    said = [record.getMessage() for record in caplog.records]
    assert "oauth_token: ok" in said
    assert "create_profile: ok" in said
    [line] = [one for one in caplog.records if one.getMessage() == "create_profile: ok"]
    assert vars(line)["connection"] == connection.pk
    assert vars(line)["status"] == 201
    assert vars(line)["ms"] >= 0
    assert "ana@example.com" not in str([vars(record) for record in caplog.records])
    assert kept() == {
        ("refresh", "", "renewed"): 1,
        ("request", "oauth_token", "ok"): 1,
        ("request", "get_profiles", "ok"): 1,
        ("request", "create_profile", "ok"): 1,
    }


def test_a_push_has_no_statement_for_it(own: Statistics, scene: Scene) -> None:
    scene.add(email="ana@example.com")

    with CaptureQueriesContext(connection) as queries:
        scene.sync()

    assert not [query for query in queries if "klaviyo_tally" in query["sql"]]


def test_what_a_web_process_asked_is_kept_at_once(
    own: Statistics, sandbox: SandboxProcess, olives: Browser
) -> None:
    """It has nobody who flushes now and then."""
    come_back(olives, sandbox, leave(olives))

    assert kept() == {
        ("request", "oauth_token", "ok"): 1,
        ("request", "get_accounts", "ok"): 1,
    }


def test_a_refresh_that_finds_the_grant_dead_is_counted_so(own: Statistics, scene: Scene) -> None:
    scene.add(email="ana@example.com")
    scene.connect()
    scene.klaviyo.uninstall()

    scene.work()
    own.flush()

    assert kept()["refresh", "", "dead"] == 1


def test_rows_taken_over_from_a_dead_worker_are_counted(own: Statistics, scene: Scene) -> None:
    connection = scene.sync()
    scene.add(email="ana@example.com")
    scene.add(email="bea@example.com")
    assert len(claim(connection)) == 2
    ClientSync.objects.update(leased_by=uuid4())  # of whom PostgreSQL knows no session

    liveness.free_the_dead()
    own.flush()

    assert kept()["takeover", "", ""] == 2
