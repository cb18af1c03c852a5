"""`python -m dev.klaviyo_sandbox`: start it, say where it is, end it on SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import sys
from pathlib import Path
from threading import Thread
from types import FrameType

from dev.klaviyo_sandbox.app import create_app
from dev.klaviyo_sandbox.server import serve
from dev.klaviyo_sandbox.settings import Settings


def main() -> int:
    wanted = argument_parser().parse_args()
    server = serve(
        create_app(settings(wanted), wanted.data, wanted.mails), wanted.host, wanted.port
    )

    def stop(number: int, frame: FrameType | None) -> None:
        # Not from this thread: shutdown waits for the loop that this handler interrupts.
        Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"Klaviyo sandbox on http://{wanted.host}:{server.port}", flush=True)
    server.serve_forever()
    return 0


def argument_parser() -> argparse.ArgumentParser:
    """Secrets are better given by the environment: a process list shows arguments."""
    parser = argparse.ArgumentParser(prog="dev.klaviyo_sandbox", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("SANDBOX_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT", "8001")))
    parser.add_argument("--data", type=Path, default=os.environ.get("SANDBOX_DATA") or None)
    parser.add_argument("--mails", type=Path)
    parser.add_argument("--redirect-uri", action="append", dest="redirect_uris")
    for name in ("client-id", "client-secret", "webhook-url", "webhook-secret"):
        parser.add_argument(f"--{name}")
    return parser


def settings(wanted: argparse.Namespace) -> Settings:
    """Arguments before environment, environment before what a sandbox usually is."""
    usual = Settings()
    listed = wanted.redirect_uris or os.environ.get("SANDBOX_REDIRECT_URIS", "").split()

    def told(name: str, otherwise: str) -> str:
        return getattr(wanted, name) or os.environ.get(f"SANDBOX_{name.upper()}") or otherwise

    return Settings(
        client_id=told("client_id", usual.client_id),
        client_secret=told("client_secret", usual.client_secret),
        redirect_uris=listed,
        webhook_url=told("webhook_url", usual.webhook_url),
        webhook_secret=told("webhook_secret", usual.webhook_secret),
    )


if __name__ == "__main__":
    sys.exit(main())
