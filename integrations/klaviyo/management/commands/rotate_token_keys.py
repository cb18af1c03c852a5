"""`rotate_token_keys`: what is sealed is sealed again under the first key. Safe to run twice."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from integrations.klaviyo.connection import key_rotation
from integrations.sealing import keyring


class Command(BaseCommand):
    help = (
        "Seal refresh tokens and code verifiers again under the first of TOKEN_ENCRYPTION_KEYS, "
        "while the app serves. Put the new key first and keep the old one until nothing is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say what is left to do")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            self._report("refresh tokens", key_rotation.reseal_tokens())
            self._report("code verifiers", key_rotation.reseal_verifiers())
        self._say_what_is_left()

    def _report(self, what: str, tally: key_rotation.Tally) -> None:
        self.stdout.write(f"{what}: {tally.sealed} sealed under key {keyring().first}")
        if tally.busy:
            self.stdout.write(f"{what}: {tally.busy} in use just now; run again")
        if tally.closed:
            self.stderr.write(
                f"{what}: {tally.closed} that none of the keys opens, left as they are"
            )

    def _say_what_is_left(self) -> None:
        tokens, verifiers = (
            key_rotation.tokens_left().count(),
            key_rotation.verifiers_left().count(),
        )
        self.stdout.write(f"left under other keys: {tokens} refresh tokens, {verifiers} verifiers")
        if tokens or verifiers:
            sys.exit(1)
