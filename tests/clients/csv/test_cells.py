"""Cells that no spreadsheet takes for a formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.csv import cells

FORMULAS = ["=1+1", "+4917", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|calc", "%0A", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text(text: str) -> None:
    assert cells.safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Ana", "O'Hara", "'n Berg", "ana+1@example.com", "", "0171 23"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cells.safe(text) == text
    assert cells.unguarded(text) == text


@given(st.text(alphabet="'=+ \ta1"))
def test_what_goes_out_comes_back(text: str) -> None:
    assert cells.unguarded(cells.safe(text)) == text
