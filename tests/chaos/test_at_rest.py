"""The oracle's look at rest: it accuses where it must, and nobody for what is allowed."""

from tests.chaos.oracle import at_rest
from tests.chaos.oracle.scene import ANA, BEA, OPENED_AT, Scene


def test_a_client_without_a_profile_is_missing() -> None:
    scene = Scene()
    scene.client(scene.name("ana"), ANA)

    assert len(list(at_rest.missing(scene.evidence))) == 1


def test_an_earlier_name_is_stale_and_not_anothers() -> None:
    scene = Scene()
    scene.profile(scene.name("ana"), ANA)
    scene.client(scene.name("ana"), ANA)

    assert len(list(at_rest.stale(scene.evidence))) == 1
    assert not list(at_rest.anothers(scene.evidence))


def test_the_name_of_somebody_else_is_anothers() -> None:
    scene = Scene()
    scene.profile(scene.name("bea"), ANA)
    scene.client(scene.name("ana"), ANA)

    assert len(list(at_rest.anothers(scene.evidence))) == 1
    assert not list(at_rest.stale(scene.evidence))


def test_a_phone_that_was_sent_and_then_removed_is_stale() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.profile(name, ANA, phone="+493023125001")
    scene.client(name, ANA)

    assert len(list(at_rest.stale(scene.evidence))) == 1


def test_a_phone_that_others_wrote_is_left_alone() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.profile(name, ANA)
    scene.profiles[0]["attributes"]["phone_number"] = "+493023125001"
    scene.client(name, ANA)

    assert not list(at_rest.stale(scene.evidence))


def test_a_phone_that_another_profile_has_is_left_out() -> None:
    scene = Scene()
    name, phone = scene.name("ana"), "+493023125001"
    scene.profile(name, ANA)
    scene.profile(scene.name("bea"), BEA, phone=phone)
    scene.client(name, ANA, phone=phone, reason="phone_taken")

    assert not list(at_rest.stale(scene.evidence))
    assert not list(at_rest.without_a_free_phone(scene.evidence))


def test_a_phone_that_became_free_is_missed() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.profile(name, ANA)
    scene.client(name, ANA, phone="+493023125001", reason="phone_taken")

    assert len(list(at_rest.without_a_free_phone(scene.evidence))) == 1


def test_whoever_opted_out_is_to_be_suppressed() -> None:
    scene = Scene()
    scene.profile(scene.name("ana"), ANA)
    scene.opted_out(scene.name("ana"), ANA)
    scene.opted_out(scene.name("bea"), BEA)

    (found,) = at_rest.unsuppressed(scene.evidence)

    assert ANA in found  # Klaviyo doesn't know the other one


def test_data_left_behind_at_nobodys_address_is_to_be_suppressed() -> None:
    scene = Scene()
    scene.profile(scene.name("ana"), ANA)
    scene.opted_out(scene.name("ana"), "elsewhere@lotus.chaos.example")

    assert len(list(at_rest.unsuppressed(scene.evidence))) == 1


def test_the_profile_of_a_deleted_client_who_had_agreed_may_stay() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT)
    scene.profile(scene.name("ana"), ANA)
    scene.ledger.surely_ended("ana", OPENED_AT + 5)

    assert not list(at_rest.unsuppressed(scene.evidence))


def test_the_profile_of_a_deleted_client_who_had_said_no_is_to_be_suppressed() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT)
    scene.profile(scene.name("ana"), ANA)
    scene.ledger.surely_said_no("ana", ANA, OPENED_AT + 5)

    assert len(list(at_rest.unsuppressed(scene.evidence))) == 1


def test_a_no_told_before_this_connection_is_forgotten_with_its_client() -> None:
    scene = Scene()
    scene.ledger.may_agree("ana", OPENED_AT - 50)
    scene.profile(scene.name("ana"), ANA)
    scene.ledger.surely_said_no("ana", ANA, OPENED_AT - 5)

    assert not list(at_rest.unsuppressed(scene.evidence))


def test_whoever_came_back_may_stay_suppressed() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.ledger.may_say_no("ana", ANA, OPENED_AT)
    scene.profile(name, ANA, suppressed=True)
    scene.client(name, ANA)

    assert not list(at_rest.wrongly_suppressed(scene.evidence))


def test_whoever_never_said_no_is_not_suppressed() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.profile(name, ANA, suppressed=True)
    scene.client(name, ANA)

    assert len(list(at_rest.wrongly_suppressed(scene.evidence))) == 1


def test_a_profile_suppressed_for_the_next_at_its_old_address_is_only_told() -> None:
    scene = Scene()
    scene.ledger.may_stand_at("bea", BEA)
    scene.ledger.may_say_no("bea", BEA, OPENED_AT)
    name = scene.name("ana")
    scene.profile(name, ANA, suppressed=True)
    scene.applied("bulk_suppress_profiles", "", BEA)
    scene.client(name, ANA)

    assert not list(at_rest.wrongly_suppressed(scene.evidence))
    assert len(list(at_rest.suppressed_with_an_old_address(scene.evidence))) == 1


def test_the_second_profile_of_somebody_known_is_a_duplicate() -> None:
    scene = Scene()
    name = scene.name("ana")
    scene.profile(name, ANA)
    scene.applied("update_profile", name, ANA, at=3)
    scene.profile(name, "ana.new@lotus.chaos.example", made_at=4)

    assert len(list(at_rest.duplicates(scene.evidence))) == 1


def test_a_profile_that_was_taken_over_with_its_address_is_no_duplicate() -> None:
    scene = Scene()
    ana, bea, new = scene.name("ana"), scene.name("bea"), "ana.new@lotus.chaos.example"
    scene.profile(ana, ANA)
    scene.applied("update_profile", ana, ANA, at=3)
    scene.profile(bea, new, made_at=4)
    scene.applied("update_profile", ana, new, at=5, profile="profile 1")

    assert not list(at_rest.duplicates(scene.evidence))


def test_who_came_to_anothers_profile_and_lost_it_again_left_one_behind() -> None:
    scene = Scene()
    ana, bea = scene.name("ana"), scene.name("bea")
    scene.profile(ana, ANA)
    scene.applied("update_profile", ana, ANA, at=3)
    scene.profile(bea, BEA, made_at=4)
    scene.applied("update_profile", ana, BEA, at=5, profile="profile 1")
    scene.applied("update_profile", bea, BEA, at=6, profile="profile 1")
    scene.profile(ana, "ana.new@lotus.chaos.example", made_at=7)

    assert not list(at_rest.duplicates(scene.evidence))


def test_a_first_profile_that_nobody_answered_for_is_no_duplicate() -> None:
    scene = Scene()
    name, new = scene.name("ana"), "ana.new@lotus.chaos.example"
    scene.profile(name, ANA)
    scene.profile(name, new, made_at=4)
    scene.applied("update_profile", name, new, at=5, profile="profile 1")

    assert not list(at_rest.duplicates(scene.evidence))
