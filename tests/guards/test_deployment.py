"""What an operator may set: each setting is explained, and docker-compose.yml hands it on.

A container doesn't see the machine's environment.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from junocal.settings import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
EXPLAINED = (ROOT / "docs" / "operations.md").read_text()
SETTINGS = set(
    re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', (ROOT / "junocal" / "settings.py").read_text())
)
# Nothing to set in a container: it is production, talks to Klaviyo, and has its files inside.
NOT_HANDED_ON = {"DEBUG", "KLAVIYO_API_URL", "KLAVIYO_AUTHORIZE_URL", "STATIC_ROOT"}


def test_every_setting_is_explained() -> None:
    unexplained = {name for name in SETTINGS if f"`{name}`" not in EXPLAINED}

    assert len(SETTINGS) > 15, "the guard found hardly a setting: it looks in the wrong place"
    assert not unexplained, f"say in docs/operations.md what these are: {sorted(unexplained)}"


def test_compose_hands_on_every_setting() -> None:
    handed_on = set(re.findall(r"^ {4}([A-Z_]+): ", COMPOSE, re.MULTILINE))

    missing = SETTINGS - handed_on - NOT_HANDED_ON

    assert not missing, f"a container doesn't see these; hand them on: {sorted(missing)}"


def test_behind_compose_throttles_count_visitors_and_not_the_proxy() -> None:
    assert "TRUSTED_PROXY_COUNT: ${TRUSTED_PROXY_COUNT:-1}" in COMPOSE


def image(folder: Path) -> Path:
    """What the production image is made of, by .dockerignore: all is left out but what it names."""
    everything, *kept = (ROOT / ".dockerignore").read_text().split()
    assert everything == "*"
    for name in (line.removeprefix("!") for line in kept if line.startswith("!")):
        source = ROOT / name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_image_serves_without_anything_of_dev(tmp_path: Path) -> None:
    folder = image(tmp_path)

    checked = manage(folder, "check")

    assert not (folder / "dev").exists()
    assert not (folder / "tests").exists()
    assert checked.returncode == 0, checked.stderr


def test_the_image_says_why_it_has_no_demo(tmp_path: Path) -> None:
    refused = manage(image(tmp_path), "demo")

    assert refused.returncode == 1
    assert "whole checkout" in refused.stderr
