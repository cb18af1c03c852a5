"""The settings of a demo: Junocal's, as in production but on this machine, and the sandbox's."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dev.demo.secrets_file import Secrets


@dataclass(frozen=True)
class Addresses:
    web_port: int
    sandbox_port: int

    @property
    def web(self) -> str:
        return f"http://localhost:{self.web_port}"

    @property
    def sandbox(self) -> str:
        """The sandbox by number, so that it is another site to the browser, as Klaviyo is."""
        return f"http://127.0.0.1:{self.sandbox_port}"


def of_junocal(folder: Path, secrets: Secrets, at: Addresses) -> dict[str, str]:
    """Junocal's settings, all but the addresses of database and broker."""
    return base() | {
        "DJANGO_SETTINGS_MODULE": "junocal.settings",
        "SECRET_KEY": secrets.secret_key,
        "DEBUG": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "BASE_URL": at.web,
        "EMAIL_URL": f"filemail:///{quote(str(folder / 'mail'))}",
        "DEFAULT_FROM_EMAIL": "Junocal <hello@junocal.test>",
        "KLAVIYO_CLIENT_ID": secrets.client_id,
        "KLAVIYO_CLIENT_SECRET": secrets.client_secret,
        "KLAVIYO_AUTHORIZE_URL": f"{at.sandbox}/oauth/authorize",
        "KLAVIYO_API_URL": at.sandbox,
        "KLAVIYO_WEBHOOK_SECRET": secrets.webhook_secret,
        "TOKEN_ENCRYPTION_KEYS": secrets.token_encryption_keys,
        "STATIC_ROOT": str(folder / "static"),
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "INFO",  # the stack reads in a log that its worker is ready
        "DEMO_PASSWORD": secrets.password,
    }


def of_sandbox(secrets: Secrets, at: Addresses) -> dict[str, str]:
    return base() | {
        "SANDBOX_CLIENT_ID": secrets.client_id,
        "SANDBOX_CLIENT_SECRET": secrets.client_secret,
        "SANDBOX_REDIRECT_URIS": f"{at.web}/integrations/klaviyo/callback/",
        "SANDBOX_WEBHOOK_URL": f"{at.web}/webhooks/klaviyo/",
        "SANDBOX_WEBHOOK_SECRET": secrets.webhook_secret,
    }


def base() -> dict[str, str]:
    """The caller's environment, with logs as plain lines written at once."""
    return {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
