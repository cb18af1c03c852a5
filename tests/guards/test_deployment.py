"""What docker-compose.yml must hand on: a container doesn't see the machine's environment."""

from pathlib import Path

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


def test_behind_compose_throttles_count_visitors_and_not_the_proxy() -> None:
    assert "TRUSTED_PROXY_COUNT: ${TRUSTED_PROXY_COUNT:-1}" in COMPOSE.read_text()
