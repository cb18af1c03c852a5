"""Comments that lean on the contract with Klaviyo lean on a section that is there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.sources import ROOT, name_of, text_of

CONTRACT = ROOT / "docs" / "klaviyo" / "contract.md"
KINDS = {".py", ".html", ".txt", ".md"}
NUMBER = r"\d+(?:\.\d+)*"
HEADING = re.compile(rf"^#+ ({NUMBER})\b", re.MULTILINE)
CITATION = re.compile(rf"\bcontract,\s+sections?\s+({NUMBER}(?:(?:,| and| to)\s+{NUMBER})*)", re.I)
ANY_FORM = re.compile(r"\bcontract\b[\s,(:#§-]*(?:sections?\b[\s,:#§-]*)?\d", re.I)
WITHIN = re.compile(rf"\bsections?\s+({NUMBER}(?:(?:,| and| to)\s+{NUMBER})*)", re.I)


@cache
def texts() -> list[tuple[str, str]]:
    """Everything of ours that may cite the contract: Python, templates, other documents."""
    rooms = [room for room in sorted(ROOT.glob("[!.]*")) if room.is_dir()]
    found = [*ROOT.glob("[!.]*"), *(path for room in rooms for path in sorted(room.rglob("*")))]
    apart = {CONTRACT, Path(__file__).resolve()}
    return [(name_of(p), text_of(p)) for p in found if p.suffix in KINDS and p not in apart]


def cited(text: str, form: re.Pattern[str] = CITATION) -> Iterator[str]:
    for listed in form.findall(text):
        yield from re.findall(NUMBER, listed)


def test_every_citation_of_the_contract_resolves_to_a_heading() -> None:
    headings = set(HEADING.findall(text_of(CONTRACT)))
    citations = [(name, number) for name, text in texts() for number in cited(text)]

    lost = [f"{name}: section {number}" for name, number in citations if number not in headings]

    assert citations, "The guard found no citation: has their form changed? Mend CITATION."
    assert not lost, f"Write the section into docs/klaviyo/contract.md, or cite another: {lost}"


def test_the_contract_refers_to_sections_it_has() -> None:
    contract = text_of(CONTRACT)
    headings = set(HEADING.findall(contract))

    lost = {number for number in cited(contract, WITHIN) if number not in headings}

    assert not lost, f"docs/klaviyo/contract.md refers to sections it lacks: {sorted(lost)}"


def test_citations_of_the_contract_all_read_alike() -> None:
    others = {
        name: len(ANY_FORM.findall(text)) - len(CITATION.findall(text)) for name, text in texts()
    }

    odd = sorted(name for name, count in others.items() if count)

    assert not odd, f"Write `contract, section 3.3` or `contract, sections 1.2 to 1.7` in {odd}"
