"""Sealing: what was sealed opens in its own place, under its own key, and nowhere else."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from integrations.sealing import CannotOpenError, Keyring, key_id_of

OLD = f"old:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"new:{base64.b64encode(b'n' * 32).decode()}"
PLACE = ("refresh token", 7, "connection")


@given(st.text())
def test_what_was_sealed_opens(secret: str) -> None:
    keys = Keyring.parse(NEW)

    assert keys.open(keys.seal(secret, *PLACE), *PLACE) == secret


def test_the_secret_is_not_to_be_seen_and_no_two_sealings_are_alike() -> None:
    keys = Keyring.parse(NEW)

    sealed = {keys.seal("the secret", *PLACE) for _ in range(100)}

    assert len(sealed) == 100
    assert not any("the secret" in text for text in sealed)


@pytest.mark.parametrize(
    "elsewhere",
    [("code verifier", 7, "connection"), ("refresh token", 8, "connection"), ("refresh token", 7)],
)
def test_a_sealed_text_does_not_open_in_another_place(elsewhere: tuple[object, ...]) -> None:
    keys = Keyring.parse(NEW)
    sealed = keys.seal("secret", *PLACE)

    with pytest.raises(CannotOpenError):
        keys.open(sealed, *elsewhere)


def test_no_bit_of_it_may_change() -> None:
    keys = Keyring.parse(NEW)
    *names, text = keys.seal("secret", *PLACE).split(".")
    raw = base64.urlsafe_b64decode(text)

    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpenError):
            keys.open(".".join([*names, base64.urlsafe_b64encode(changed).decode()]), *PLACE)


@given(st.one_of(st.text(), st.text().map("v1.new.{}".format)))
def test_anything_else_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(CannotOpenError):
        Keyring.parse(NEW).open(text, *PLACE)


def test_every_shortening_is_refused() -> None:
    keys = Keyring.parse(NEW)
    sealed = keys.seal("secret", *PLACE)

    for length in range(len(sealed)):
        with pytest.raises(CannotOpenError):
            keys.open(sealed[:length], *PLACE)


def test_the_first_key_seals_and_the_others_still_open() -> None:
    before = Keyring.parse(OLD)
    after = Keyring.parse(f"{NEW},{OLD}")
    sealed = before.seal("secret", *PLACE)

    assert after.open(sealed, *PLACE) == "secret"
    assert key_id_of(sealed) == "old"
    assert key_id_of(after.seal("secret", *PLACE)) == "new"


def test_a_key_that_went_opens_nothing() -> None:
    sealed = Keyring.parse(OLD).seal("secret", *PLACE)

    with pytest.raises(CannotOpenError):
        Keyring.parse(NEW).open(sealed, *PLACE)


def test_another_key_of_the_same_name_opens_nothing() -> None:
    sealed = Keyring.parse(OLD).seal("secret", *PLACE)

    with pytest.raises(CannotOpenError):
        Keyring.parse(NEW.replace("new", "old")).open(sealed, *PLACE)


@pytest.mark.parametrize("text", ["", "garbage", "v2.new.AAAA", "no dots at all"])
def test_no_key_sealed_what_is_not_sealed(text: str) -> None:
    assert key_id_of(text) == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        (base64.b64encode(b"k" * 32).decode(), "needs an id"),
        (f":{base64.b64encode(b'k' * 32).decode()}", "needs an id"),
        ("a.b:AAAA", "needs an id"),
        ("short:AAAA", "key short has 3 bytes, not 32"),
        ("bad:%%%", "key bad is not base64"),
    ],
)
def test_a_bad_setting_is_told_in_a_sentence_without_the_key(text: str, complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=complaint) as refused:
        Keyring.parse(text)

    assert "AAAA" not in str(refused.value)


def test_an_id_given_twice_is_a_mistake() -> None:
    with pytest.raises(ImproperlyConfigured, match="new"):
        Keyring.parse(f"{NEW},{OLD.replace('old', 'new')}")


def test_keys_do_not_show_in_a_repr() -> None:
    assert "nnnn" not in repr(Keyring.parse(NEW))
