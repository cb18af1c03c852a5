"""Long trouble with Klaviyo: one email to the owners when it has lasted, one when it is over."""

from datetime import timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.db.models import F
from pytest_django import Settings

from integrations.klaviyo.connection import health_check, lifecycle, owner_emails
from integrations.klaviyo.models import Connection
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.worker import watch
from studios.models import Role, Studio, User
from tests.support.cast import make_member
from tests.support.klaviyo.outages import (
    klaviyo_answers_again,
    klaviyo_is_down,
    klaviyo_is_silent,
)
from tests.support.klaviyo.scene import Scene, time_passes
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

LONG = watch.TOLD_AFTER + timedelta(minutes=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def edited(scene: Scene) -> Connection:
    """One client in Klaviyo, with a change on its way."""
    ana = scene.add(email="ana@lotus.test")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    return connection


def minutes_pass(number: int) -> None:
    """A look in each."""
    for _ in range(number):
        watch.look()
        Connection.objects.update(
            troubled_since=F("troubled_since") - MINUTE, calm_since=F("calm_since") - MINUTE
        )
    watch.look()


def subjects() -> list[str]:
    return [str(message.subject) for message in mail.outbox]


BAD = "Lotus Yoga: changes don't reach Klaviyo at the moment"
GOOD = "Lotus Yoga: Klaviyo works again"


# --- When it has lasted ---------------------------------------------------------------------------


def test_a_suspension_is_told_once_it_has_lasted(edited: Connection) -> None:
    lifecycle.suspend(edited, Reason.NOT_ACCEPTED)

    minutes_pass(14)
    assert subjects() == []

    minutes_pass(20)
    assert subjects() == [BAD]
    (message,) = mail.outbox
    assert "Klaviyo does not accept our access" in message.body
    assert "http://testserver/s/lotus/settings/integrations/" in message.body


def test_a_silence_is_told_in_its_own_words(edited: Connection) -> None:
    klaviyo_is_silent(edited, LONG)

    minutes_pass(16)

    (message,) = mail.outbox
    assert "Klaviyo has not answered for Lotus Yoga since" in message.body
    assert "no studio" not in message.body


def test_an_outage_for_everybody_is_told_as_one(edited: Connection) -> None:
    klaviyo_is_down(LONG)

    minutes_pass(16)

    (message,) = mail.outbox
    assert "Klaviyo has answered no studio on Junocal since" in message.body


def test_that_junocal_has_to_be_updated_is_not_blamed_on_the_account(edited: Connection) -> None:
    lifecycle.suspend(edited, Reason.OUTDATED)

    minutes_pass(16)

    (message,) = mail.outbox
    assert "Junocal has to be updated" in message.body
    assert "disconnect" not in message.body


def test_every_owner_is_told_and_nobody_else(
    edited: Connection, lotus: Studio, olive: User, fay: User, stan: User
) -> None:
    other = make_member(lotus, Role.OWNER, "Oscar Okafor")
    klaviyo_is_silent(edited)

    minutes_pass(16)

    assert set(mail.outbox[0].to) == {olive.email, other.email}


def test_where_nothing_waits_an_outage_is_nobodys_business(synced: Connection) -> None:
    klaviyo_is_down(LONG)

    minutes_pass(20)

    assert subjects() == []


def test_in_a_pause_only_waiting_opt_outs_are_worth_a_mail(
    scene: Scene, edited: Connection
) -> None:
    bea = scene.add(email="bea@lotus.test")
    scene.work()
    Connection.objects.update(paused_at=edited.connected_at)
    scene.change(bea, first_name="Beatrice")
    klaviyo_is_down(LONG)
    minutes_pass(20)
    assert subjects() == []

    scene.opt_out(bea)
    minutes_pass(16)

    assert subjects() == [BAD]


def test_short_trouble_is_told_to_nobody_however_often_it_comes(edited: Connection) -> None:
    for _ in range(3):
        klaviyo_is_silent(edited)
        minutes_pass(10)
        klaviyo_answers_again()
        minutes_pass(5)

    assert subjects() == []
    assert Connection.objects.get().troubled_since is None


# --- When it is over ------------------------------------------------------------------------------


def test_when_it_is_over_the_owners_hear_that_too_and_the_next_time_anew(
    edited: Connection,
) -> None:
    for _ in range(2):
        klaviyo_is_silent(edited)
        minutes_pass(16)
        klaviyo_answers_again()
        minutes_pass(10)

    assert subjects() == [BAD, GOOD, BAD, GOOD]


def test_a_pause_for_breath_is_not_the_end_of_it(edited: Connection) -> None:
    klaviyo_is_silent(edited)
    minutes_pass(16)
    klaviyo_answers_again()
    minutes_pass(1)
    klaviyo_is_silent(edited)
    minutes_pass(10)

    assert subjects() == [BAD]


def test_an_owner_who_tries_again_in_vain_is_not_told_that_it_works(edited: Connection) -> None:
    lifecycle.suspend(edited, Reason.NOT_ACCEPTED)
    minutes_pass(16)

    Connection.objects.all().unsuspend()
    watch.look()
    lifecycle.suspend(edited, Reason.NOT_ACCEPTED)
    minutes_pass(10)

    assert subjects() == [BAD]


def test_a_suspended_grant_with_nothing_to_send_is_tried_by_its_account(
    scene: Scene, synced: Connection
) -> None:
    lifecycle.suspend(synced, Reason.NOT_ACCEPTED)
    watch.look()
    assert Connection.objects.get().health_check_requested_at is None

    time_passes()
    watch.look()
    scene.work()

    connection = Connection.objects.get()
    assert connection.health_check_result == health_check.OK
    assert not connection.is_suspended


def test_a_trial_in_vain_puts_the_next_one_off(scene: Scene, synced: Connection) -> None:
    lifecycle.suspend(synced, Reason.NOT_ACCEPTED)
    scene.klaviyo.fault("401", operation="get_accounts")
    time_passes()

    watch.look()
    scene.work()

    connection = Connection.objects.get()
    assert connection.suspended_trials == 2
    assert not connection.is_on_trial


# --- Exactly once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_workers_that_look_at_the_same_moment_send_one_mail_each_time(edited: Connection) -> None:
    lifecycle.suspend(edited, Reason.NOT_ACCEPTED)
    watch.look()
    Connection.objects.update(troubled_since=F("troubled_since") - LONG)

    at_once(*[watch.look] * 8)
    assert subjects() == [BAD]

    Connection.objects.all().unsuspend()
    watch.look()
    Connection.objects.update(calm_since=F("calm_since") - watch.BELIEVED_AFTER)
    at_once(*[watch.look] * 8)
    assert subjects() == [BAD, GOOD]


def test_a_mail_server_that_is_away_is_tried_again(
    edited: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise SMTPServerDisconnected

    klaviyo_is_silent(edited)
    with monkeypatch.context() as patch:
        patch.setattr(owner_emails, "send_mail", fail)
        minutes_pass(16)
    assert subjects() == []

    watch.look()
    assert subjects() == [BAD]

    klaviyo_answers_again()
    with monkeypatch.context() as patch:
        patch.setattr(owner_emails, "send_mail", fail)
        minutes_pass(10)
    watch.look()
    assert subjects() == [BAD, GOOD]


def test_it_is_a_periodic_task(settings: Settings) -> None:
    assert settings.PERIODIC_TASKS["integrations.klaviyo.tasks.watch"] == 60
