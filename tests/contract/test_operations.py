"""What Junocal calls, held against Klaviyo's official OpenAPI document where that is at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from integrations.klaviyo.operations import (
    OPERATIONS,
    REVISION,
    SCOPES,
    SUPPRESSION_SCOPE,
    Operation,
)

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "klaviyo" / "openapi.json"
GRANTED = {*SCOPES, SUPPRESSION_SCOPE}


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    if not DOCUMENT.exists():
        pytest.skip("Klaviyo's OpenAPI document is not beside this checkout")
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


def described(official: dict[str, Any], operation: Operation) -> dict[str, Any]:
    facts = OPERATIONS[operation]
    found: dict[str, Any] = official["paths"][facts.path][facts.method.lower()]
    return found


def test_the_revision_is_the_documents(official: dict[str, Any]) -> None:
    assert official["info"]["version"] == REVISION


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_operation_exists_with_these_scopes(
    official: dict[str, Any], operation: Operation
) -> None:
    there = described(official, operation)

    assert there["operationId"] == operation
    assert set(there["x-klaviyo-scopes"]) == set(OPERATIONS[operation].scopes)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_limits_are_the_documented_ones(official: dict[str, Any], operation: Operation) -> None:
    there = described(official, operation)["description"]
    limit = OPERATIONS[operation].limit

    assert f"{limit.burst}/s" in there
    assert f"{limit.steady}/m" in there


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_within_the_scopes_we_may_ask_for(operation: Operation) -> None:
    assert set(OPERATIONS[operation].scopes) <= GRANTED


def test_connecting_asks_for_exactly_three_scopes() -> None:
    assert SCOPES == ("accounts:read", "profiles:read", "profiles:write")
