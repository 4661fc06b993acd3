"""The page about types says what became of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.types.arrivals import Outcome
from tests.types.origins import TableOrigin
from tests.types.page import page

PAGE = Path(__file__).parents[2] / "docs" / "data-types.md"


def test_the_page_is_up_to_date(
    table: TableOrigin,
    table_outcomes: dict[str, Outcome],
    row_outcomes: dict[str, Outcome],
    pytestconfig: pytest.Config,
) -> None:
    made = page(table, table_outcomes, row_outcomes)
    if pytestconfig.getoption("--write", default=False):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "make it anew: pytest tests/types --write"
