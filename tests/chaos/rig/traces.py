"""What must be nowhere: tokens in plain text at any time, and anything of a connection after it."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis

from dev.klaviyo_sandbox.oauth.grants import new_token
from tests.chaos.rig.database import Database
from tests.support.stack import Stack

TOKEN_BEGINS = new_token("access").partition(".")[0]  # the same for all tokens of the sandbox


def of_tokens(stack: Stack, database: Database) -> Iterator[str]:
    """Places where a token of the sandbox stands in plain text."""
    yield from (f"table {table}" for table in database.mentions(TOKEN_BEGINS))
    logs = stack.folder.glob("*.log")
    yield from (f"{log.name}" for log in logs if has_token(log.read_bytes()))
    yield from (f"Valkey {key!r}" for key, value in stored_in_valkey(stack) if has_token(value))


def of_connections(stack: Stack, database: Database, accounts: list[str]) -> Iterator[str]:
    """What is left once every studio has disconnected."""
    yield from database.left_of_connections()
    living = stack.klaviyo.accounts()
    for account in accounts:
        if living[account]["grants"]:
            yield f"{len(living[account]['grants'])} living grants in account {account}"


def stored_in_valkey(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Everything: queues, and what a broker's client keeps beside them."""
    with redis.Redis(unix_socket_path=stack.valkey.socket) as valkey:
        for key in valkey.scan_iter():
            kind = valkey.type(key).decode()
            values = READERS[kind](valkey, key)
            yield key.decode(), b"\n".join(values)


READERS: dict[str, Callable[[Any, bytes], Sequence[bytes]]] = {
    "string": lambda valkey, key: [valkey.get(key)],
    "list": lambda valkey, key: valkey.lrange(key, 0, -1),
    "set": lambda valkey, key: list(valkey.smembers(key)),
    "zset": lambda valkey, key: valkey.zrange(key, 0, -1),
    "hash": lambda valkey, key: list(valkey.hgetall(key).values()),
}


def has_token(text: bytes) -> bool:
    """In plain text, or in the body of a message, which Celery packs as base64."""
    return TOKEN_BEGINS.encode() in text or any(
        TOKEN_BEGINS.encode() in body for body in bodies(text)
    )


def bodies(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines():
        if line.startswith(b"{") and b'"body"' in line:
            body = json.loads(line).get("body", "")
            yield base64.b64decode(body) if isinstance(body, str) else b""
