"""A service that is killed while it is written to loses nothing that it acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kill import measure


@pytest.mark.slow
def test_nothing_is_lost_torn_or_written_twice(home: Path) -> None:
    result = measure(home, rounds=3)
    assert result.acknowledged > 10
    assert result.flawless, result
