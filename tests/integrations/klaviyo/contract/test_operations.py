"""What Junocal knows of Klaviyo's operations, held against docs/klaviyo/operations.json."""

import pytest

from integrations.klaviyo.contract import (
    FEATURE_OF,
    FEATURES,
    LOOKUP_BATCH,
    OPERATIONS,
    REVISION,
    SCOPES,
    SUPPRESSION_BATCH,
    WHY_SCOPES,
    Feature,
    Operation,
)
from tests.integrations.klaviyo.contract import facts

SPELLINGS = 2  # of each address in one look-up


def test_the_revision_is_the_one_the_facts_are_of() -> None:
    assert facts.FACTS["revision"] == REVISION


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_operation_exists_at_this_address(operation: Operation) -> None:
    ours, theirs = OPERATIONS[operation], facts.OPERATIONS[operation]

    assert (ours.method, ours.path) == (theirs["method"], theirs["path"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_scopes_are_the_documented_ones(operation: Operation) -> None:
    assert sorted(OPERATIONS[operation].scopes) == facts.OPERATIONS[operation]["scopes"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_limits_are_the_documented_ones(operation: Operation) -> None:
    limit = OPERATIONS[operation].limit

    ours = {"per_second": limit.burst, "per_minute": limit.steady}

    assert ours == facts.OPERATIONS[operation]["limits"]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one not in FEATURE_OF])
def test_the_bases_operations_are_within_the_bases_scopes(operation: Operation) -> None:
    assert set(facts.OPERATIONS[operation]["scopes"]) <= set(SCOPES)


@pytest.mark.parametrize("feature", FEATURES.values(), ids=FEATURES)
def test_a_feature_asks_for_exactly_the_scopes_that_its_operations_use(feature: Feature) -> None:
    used = {scope for one in feature.operations for scope in facts.OPERATIONS[one]["scopes"]}

    assert set(feature.scopes) == used - set(SCOPES), "no more, and no fewer"


def test_connecting_asks_for_exactly_three_scopes() -> None:
    assert SCOPES == ("accounts:read", "profiles:read", "profiles:write")


def test_every_scope_of_the_base_is_explained_and_used() -> None:
    base = [facts.OPERATIONS[one]["scopes"] for one in OPERATIONS if one not in FEATURE_OF]

    assert set(WHY_SCOPES) == set(SCOPES) == {scope for scopes in base for scope in scopes}


def test_a_suppression_names_no_more_addresses_than_allowed() -> None:
    assert facts.OPERATIONS[Operation.SUPPRESS]["batch"] == SUPPRESSION_BATCH


def test_a_look_up_fits_on_one_page() -> None:
    page = facts.OPERATIONS[Operation.GET_PROFILES]["page_size"]

    assert page["maximum"] >= LOOKUP_BATCH * SPELLINGS
