"""What is checked before a commit, by hand and in CI are the same tools."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CI_STEP = re.compile(r"^\s*step .* \$bin/(.+)$", re.MULTILINE)
LINT = re.compile(r"^lint:.*\n\t(.+)$", re.MULTILINE)
HOOK = re.compile(r"^ +entry: \.venv/bin/(.+)$", re.MULTILINE)
ACTION = re.compile(r"uses: (\S+)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_make_lint_and_the_hooks_check_what_ci_checks() -> None:
    ci = set(CI_STEP.findall(read(".ci/run")))
    lint = {
        each.removeprefix("$(BIN)/") for each in LINT.findall(read("Makefile"))[0].split(" && ")
    }

    assert len(ci) > 3, "The guard found hardly any tool in .ci/run: has its form changed?"
    assert lint == ci, "Add to `lint` in the Makefile what .ci/run checks, or take it out of both."
    assert set(HOOK.findall(read(".pre-commit-config.yaml"))) == ci, "The same for the hooks."


def test_the_workflow_runs_ci_and_pins_what_it_uses() -> None:
    workflow = read(".github/workflows/ci.yml")
    actions = ACTION.findall(workflow)

    assert "run: .ci/run" in workflow
    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", each) for each in actions), actions
