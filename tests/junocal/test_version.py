"""One version, wherever somebody may look for it."""

import re
import tomllib

from django.test import Client as Browser

from integrations import http
from junocal import __version__
from junocal.settings import ROOT
from studios.models import User
from tests.support.cast import sign_in

CHANGELOG = ROOT / "CHANGELOG.md"
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.MULTILINE)


def test_a_probe_reads_that_we_are_well_and_of_which_version(client: Browser) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain"
    assert answer.content.decode().split() == ["ok", __version__]


def test_klaviyo_is_told_who_asks() -> None:
    assert f"Junocal/{__version__} (+https://junocal.com)" == http.USER_AGENT


def test_the_foot_of_a_page_names_the_version(client: Browser, ian: User) -> None:
    signed_out = client.get("/accounts/login/").content.decode()
    sign_in(client, ian)
    signed_in = client.get("/s/lotus/clients/").content.decode()

    assert f"Junocal {__version__}" in signed_out
    assert f"Junocal {__version__}" in signed_in


def test_the_project_file_names_no_version_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "junocal.__version__"}


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    newest = RELEASE.search(CHANGELOG.read_text())

    assert newest
    assert newest[1] == __version__
