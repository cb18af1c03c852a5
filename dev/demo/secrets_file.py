"""What a demo keeps secret: made once per checkout, kept in a file that only its user can read."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


def key() -> str:
    return secrets.token_urlsafe(48)


def password() -> str:
    """Easy to type; 48 bits are plenty for a server that answers to this machine only."""
    return "-".join(secrets.token_hex(2) for _ in range(3))


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    token_encryption_keys: str
    client_id: str
    client_secret: str
    webhook_secret: str
    password: str

    @classmethod
    def make(cls) -> "Secrets":
        return cls(
            secret_key=key(),
            token_encryption_keys="demo:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            client_id=f"junocal-demo-{secrets.token_hex(4)}",
            client_secret=key(),
            webhook_secret=key(),
            password=password(),
        )


def keep(path: Path) -> Secrets:
    """The secrets in the file, which is made where there is none."""
    if not path.exists():
        write(path, Secrets.make())
    return Secrets(**json.loads(path.read_text()))


def write(path: Path, made: Secrets) -> None:
    """Whole or not at all, and never readable to others."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file, indent=2)
    unfinished.rename(path)
