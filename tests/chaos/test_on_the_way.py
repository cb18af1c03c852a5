"""The oracle's look at what happened on the way: late is not wrong, and wrong is found."""

from tests.chaos.oracle import on_the_way
from tests.chaos.oracle.evidence import Window
from tests.chaos.oracle.scene import ACCOUNT, ANA, OPENED_AT, OTHER_ACCOUNT, Scene


def test_a_push_on_its_way_when_somebody_said_no_is_allowed() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT)
    scene.ledger.surely_said_no("ana", ANA, OPENED_AT + 10)
    scene.applied("update_profile", scene.name("ana"), ANA, at=15)

    assert not list(on_the_way.updated_after_a_no(scene.evidence))


def test_a_push_applied_late_counts_from_when_it_came_in() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT)
    scene.ledger.surely_said_no("ana", ANA, OPENED_AT + 10)
    name = scene.name("ana")
    scene.applied("create_profile", name, ANA, at=25, asked_at=OPENED_AT + 12)
    scene.applied("update_profile", name, ANA, at=25)

    assert not list(on_the_way.created_after_a_no(scene.evidence))
    assert len(list(on_the_way.updated_after_a_no(scene.evidence))) == 1


def test_whoever_agreed_again_may_be_pushed() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT)
    scene.ledger.surely_said_no("ana", ANA, OPENED_AT + 10)
    scene.ledger.may_agree("ana", OPENED_AT + 30)
    scene.applied("update_profile", scene.name("ana"), ANA, at=31)

    assert not list(on_the_way.updated_after_a_no(scene.evidence))


def test_a_suppression_that_creates_is_found() -> None:
    scene = Scene()
    scene.applied("bulk_suppress_profiles", "", ANA, created=True)

    assert len(list(on_the_way.created_by_suppression(scene.evidence))) == 1


def test_a_suppression_that_klaviyo_carried_out_late_accuses_nobody() -> None:
    scene = Scene()
    scene.applied("bulk_suppress_profiles", "", ANA, created=True, at=9, asked_at=OPENED_AT + 6)

    assert not list(on_the_way.created_by_suppression(scene.evidence))
    assert len(list(on_the_way.created_by_a_late_suppression(scene.evidence))) == 1


def test_what_an_old_connection_had_to_say_is_found_at_the_new_account() -> None:
    scene = Scene()
    scene.windows = [
        Window("lotus", OTHER_ACCOUNT, OPENED_AT - 60, OPENED_AT - 20),
        Window("lotus", ACCOUNT, OPENED_AT),
    ]
    old, new = scene.name("ana", -40), scene.name("ana", -10)
    scene.applied("create_profile", new, ANA, at=5)
    assert not list(on_the_way.wrong_account(scene.evidence))

    scene.applied("update_profile", old, ANA, at=6)

    assert len(list(on_the_way.wrong_account(scene.evidence))) == 1


def test_whatever_arrives_long_after_the_fence_is_found() -> None:
    scene = Scene()
    scene.windows = [Window("lotus", ACCOUNT, OPENED_AT, OPENED_AT + 10)]
    name = scene.name("ana")
    scene.applied("update_profile", name, ANA, at=17)
    scene.applied("update_profile", name, ANA, at=20)

    assert len(list(on_the_way.wrong_account(scene.evidence))) == 1
