"""Optional permissions: each asked for by itself, and no trouble of the base when it is missing."""

import pytest
from django.contrib.sessions.backends.db import SessionStore

from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.api import client as api
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account, Request
from integrations.klaviyo.api.errors import FeatureForbiddenError
from integrations.klaviyo.connection import authorization, lifecycle
from integrations.klaviyo.connection.refusals import ScopesChangedError, UnknownAttemptError
from integrations.klaviyo.contract import (
    FEATURE_OF,
    FEATURES,
    OPERATIONS,
    SCOPES,
    SUPPRESSION,
    Feature,
    Operation,
)
from integrations.klaviyo.models import Connection, EndCause, OAuthAttempt
from studios.models import Studio, User
from tests.support.klaviyo.oauth_steps import query
from tests.support.klaviyo.scene import FOUR_SCOPES, Scene, grant_of

pytestmark = pytest.mark.django_db

# One as there may be many: its one operation is any of those that exist.
GREETINGS = Feature(
    key="greetings",
    name="Allow greetings",
    scopes=("greetings:write",),
    operations=(Operation.CREATE_PROFILE,),
    does="to greet",
    without="nobody is greeted",
    asks="to greet",
    stores="nothing",
    help_anchor="greetings",
)


@pytest.fixture
def greetings(monkeypatch: pytest.MonkeyPatch) -> Feature:
    """A second optional permission beside suppression."""
    monkeypatch.setitem(FEATURES, GREETINGS.key, GREETINGS)
    return GREETINGS


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_of_a_feature_that_was_not_allowed_reaches_klaviyo(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    monkeypatch.setattr(api, "FEATURE_OF", {operation: GREETINGS})
    klaviyo = Klaviyo(scene.connect())

    with pytest.raises(FeatureForbiddenError, match="greetings"):
        klaviyo._call(Request(operation, path={"id": "any"}), lambda: None)

    assert scene.klaviyo.request_log() == []


def test_an_operation_belongs_to_the_base_or_to_one_feature() -> None:
    claimed = [operation for feature in FEATURES.values() for operation in feature.operations]

    assert len(claimed) == len(set(claimed)) == len(FEATURE_OF)
    assert set(claimed) < set(OPERATIONS)


def test_suppression_is_always_tried_whatever_we_know_of_the_grant(scene: Scene) -> None:
    connection = scene.connect(scopes=SCOPES)

    assert not connection.has(SUPPRESSION)
    assert connection.allows(SUPPRESSION)


def test_a_permission_is_asked_for_together_with_all_that_are_in_force(
    scene: Scene, greetings: Feature
) -> None:
    scene.connect(scopes=FOUR_SCOPES)

    authorization.start(scene.lotus, scene.olive, SessionStore(), greetings)

    attempt = OAuthAttempt.objects.get()
    assert attempt.feature == "greetings"
    assert attempt.scopes.split() == [*SCOPES, "greetings:write", *SUPPRESSION.scopes]


def test_connecting_asks_for_the_bases_scopes_alone(
    lotus: Studio, olive: User, greetings: Feature
) -> None:
    authorization.start(lotus, olive, SessionStore())

    assert OAuthAttempt.objects.get().scopes.split() == [*SCOPES]


def test_a_consent_with_less_than_is_in_force_changes_nothing(scene: Scene) -> None:
    scene.connect(scopes=FOUR_SCOPES)
    before = Connection.objects.values().get()
    narrower = grant_of(scene.klaviyo, scopes=SCOPES)

    with pytest.raises(ScopesChangedError):
        lifecycle.add_scopes(scene.lotus, scene.olive, Account(LOTUS.id, "Lotus"), narrower)

    assert Connection.objects.values().get() == before


def test_a_feature_that_klaviyo_forbids_leaves_the_base_at_work(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync(scopes=SCOPES)

    scene.opt_out(ana)
    scene.work()
    scene.add(email="bo@example.com")
    scene.work()

    answered = scene.klaviyo.request_log(operation=Operation.SUPPRESS)
    assert [one["status"] for one in answered] == [403]
    assert not Connection.objects.get().is_suspended
    assert "bo@example.com" in scene.values()


def test_a_scope_that_nobody_here_knows_is_not_asked_for_again(scene: Scene) -> None:
    scene.connect(scopes=(*SCOPES, "events:read"))

    authorization.start(scene.lotus, scene.olive, SessionStore(), SUPPRESSION)

    assert OAuthAttempt.objects.get().scopes.split() == [*SCOPES, *SUPPRESSION.scopes]


def test_a_scope_that_nobody_here_knows_is_not_missed(scene: Scene) -> None:
    scene.connect(scopes=(*SCOPES, "events:read"))

    grant = grant_of(scene.klaviyo, scopes=FOUR_SCOPES)
    lifecycle.add_scopes(scene.lotus, scene.olive, Account(LOTUS.id, "Lotus"), grant)

    assert Connection.objects.get().has(SUPPRESSION)


def test_a_consent_that_comes_back_after_the_end_adds_to_nothing(scene: Scene) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)
    grant = grant_of(scene.klaviyo)

    with pytest.raises(UnknownAttemptError):
        lifecycle.add_scopes(scene.lotus, scene.olive, Account(LOTUS.id, "Lotus"), grant)


def test_an_attempt_to_allow_what_is_gone_is_unknown(scene: Scene, greetings: Feature) -> None:
    session = SessionStore()
    url = authorization.start(scene.lotus, scene.olive, session, greetings)
    del FEATURES[greetings.key]

    with pytest.raises(UnknownAttemptError):
        authorization.redeem(query(url)["state"], scene.olive, session)
