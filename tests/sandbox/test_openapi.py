"""Requests and answers against Klaviyo's official document, where it is at hand.

Live answers differ from it in two known places, and so do the sandbox's: links to pages that are
not there are null, and a merge is answered 202 (contract 3.2, 4.7).
"""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from klaviyo_sandbox.operations import OPERATIONS
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from tests.sandbox.asking import SUPPRESS, UNSUPPRESS, batch, change, merge, person

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "klaviyo" / "openapi.json"
jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

if not DOCUMENT.exists():
    pytest.skip("Klaviyo's document is not beside this checkout", allow_module_level=True)

SPEC = json.loads(DOCUMENT.read_text())
MEDIA_TYPE = "application/vnd.api+json"


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in JSON Schema's words; pages' links may be null."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    translated = {name: nullable(value) for name, value in schema.items() if name != "example"}
    if translated.pop("nullable", False):
        return {"anyOf": [translated, {"type": "null"}]}
    return translated


COMPONENTS = nullable(SPEC["components"])
for page in ("next", "prev"):
    links = COMPONENTS["schemas"]["CollectionLinks"]["properties"]
    links[page] = {"anyOf": [links[page], {"type": "null"}]}


def entry(name: str) -> tuple[str, str, dict[str, Any]]:
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and operation.get("operationId") == name:
                return path, method, operation
    raise LookupError(name)


def check(document: object, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**nullable(schema), "components": COMPONENTS}).validate(
        document
    )


def check_answer(name: str, answer: requests.Response, status: str) -> None:
    content = entry(name)[2]["responses"][status]["content"]
    check(answer.json(), content[MEDIA_TYPE]["schema"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_addresses_scopes_and_limits_are_the_documents(name: str) -> None:
    operation = OPERATIONS[name]

    path, method, described = entry(name)

    assert operation.rule == path.replace("{id}", "<id>").replace("{job_id}", "<id>")
    assert operation.method == method.upper()
    assert operation.scopes == set(described["x-klaviyo-scopes"])
    limits = {"burst": f"{operation.per_second}/s", "steady": f"{operation.per_minute}/m"}
    assert limits == described["x-klaviyo-ratelimit"]


WRITES = [
    ("create_profile", "profiles", person("new@lotus.test", first_name="Ana"), 201),
    ("create_or_update_profile", "profile-import", person("new@lotus.test"), 201),
    ("create_or_update_profile", "profile-import", person("ana@lotus.test"), 200),
    ("bulk_suppress_profiles", f"{SUPPRESS}s", batch(SUPPRESS, "ana@lotus.test"), 202),
    ("bulk_unsuppress_profiles", f"{UNSUPPRESS}s", batch(UNSUPPRESS, "ana@lotus.test"), 202),
]


@pytest.mark.parametrize(("name", "path", "document", "status"), WRITES)
def test_writes_and_their_answers_are_as_described(
    sandbox: SandboxProcess,
    wide_token: str,
    name: str,
    path: str,
    document: dict[str, Any],
    status: int,
) -> None:
    sandbox.seed({"email": "ana@lotus.test"})

    answer = sandbox.call("POST", path, wide_token, document)

    assert answer.status_code == status
    check(document, entry(name)[2]["requestBody"]["content"][MEDIA_TYPE]["schema"])
    check_answer(name, answer, str(status))


def test_a_patch_is_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test"})
    document = change(ana, phone_number=None)

    answer = sandbox.call("PATCH", f"profiles/{ana}", wide_token, document)

    schema = entry("update_profile")[2]["requestBody"]["content"][MEDIA_TYPE]["schema"]
    check(document, schema)
    check_answer("update_profile", answer, "200")


def test_a_merge_is_as_described_but_for_its_status(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    kept, gone = sandbox.seed({"email": "ana@lotus.test"}, {"email": "bea@lotus.test"})
    document = merge(kept, gone)

    answer = sandbox.call("POST", "profile-merge", wide_token, document)

    schema = entry("merge_profiles")[2]["requestBody"]["content"][MEDIA_TYPE]["schema"]
    check(document, schema)
    assert answer.status_code == 202
    assert answer.json()["data"] == {"type": "profile-merge", "id": kept}


def test_reads_are_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    sandbox.configure(limits_enabled=False)
    (ana, _) = sandbox.seed(
        {"email": "ana@lotus.test", "suppressed": True, "location": {"city": "Berlin"}},
        {"email": "bea@lotus.test", "properties": {"a": 1}},
    )
    params = {"additional-fields[profile]": "subscriptions", "page[size]": "1"}

    for name, path, query in (
        ("get_accounts", "accounts", {}),
        ("get_account", f"accounts/{LOTUS.id}", {}),
        ("get_profiles", "profiles", params),
        ("get_profile", f"profiles/{ana}", {"additional-fields[profile]": "subscriptions"}),
    ):
        answer = sandbox.call("GET", path, wide_token, **query)

        assert answer.status_code == 200
        check_answer(name, answer, "200")


def test_a_job_is_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    document = batch(SUPPRESS, "ana@lotus.test")
    job = sandbox.call("POST", f"{SUPPRESS}s", wide_token, document).json()["data"]["id"]

    answer = sandbox.call("GET", f"{SUPPRESS}s/{job}", wide_token)

    check_answer("get_bulk_suppress_profiles_job", answer, "200")


def test_an_error_is_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    answer = sandbox.call("POST", "profiles", wide_token, person("nobody", phone_number="1"))

    error = SPEC["components"]["responses"]["ClientError"]["content"][MEDIA_TYPE]["schema"]
    assert answer.status_code == 400
    check(answer.json(), error)
