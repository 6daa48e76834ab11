"""The law of tests/unit/test_alert_histories_over_time.py, two thousand times."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alert_oracle import Sign
from tests.alert_time_laws import cases, check_the_history
from tests.alert_time_oracle import Terms


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=2000, deadline=None)
@given(cases(), st.integers(1, 60))
def test_arrival_within_the_lateness_leaves_the_history_of_the_oracle(
    case: tuple[Terms, list[Sign]], width: int
) -> None:
    check_the_history(*case, width)
