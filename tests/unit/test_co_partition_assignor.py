"""Partition numbers are shared out evenly, each once, and move as little as evenness allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.co_partition_assignor import Claim, share

MEMBERS = [f"m{number}" for number in range(6)]


@st.composite
def groups(draw: st.DrawFn) -> tuple[int, list[str], dict[str, Claim]]:
    count = draw(st.integers(0, 12))
    members = MEMBERS[: draw(st.integers(1, 6))]
    claims = {
        member: Claim(draw(st.integers(-1, 3)), tuple(draw(st.sets(st.integers(0, 14), max_size=12))))
        for member in members
    }
    return count, members, claims


@given(groups())
def test_each_number_has_one_owner_and_shares_differ_by_one_at_most(
    group: tuple[int, list[str], dict[str, Claim]],
) -> None:
    count, members, claims = group
    shares = share(count, members, claims)
    assert sorted(number for numbers in shares.values() for number in numbers) == list(range(count))
    sizes = [len(shares[member]) for member in members]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 6))
def test_only_what_must_move_moves(count: int, before: int, after: int) -> None:
    first = share(count, MEMBERS[:before], {member: Claim() for member in MEMBERS[:before]})
    claims = {member: Claim(1, tuple(first.get(member, ()))) for member in MEMBERS[:after]}
    then = share(count, MEMBERS[:after], claims)
    # A member that stays gives up only what others must get: nobody who keeps less than a fair share loses any.
    for member in MEMBERS[: min(before, after)]:
        kept = set(first[member]) & set(then[member])
        assert len(kept) == min(len(first[member]), len(then[member]))


def test_of_two_claims_the_later_generation_counts() -> None:
    claims = {"a": Claim(4, (0, 1)), "b": Claim(5, (0, 1)), "c": Claim()}
    assert set(share(3, ["a", "b", "c"], claims)["b"]) <= {0, 1}
    assert share(2, ["a", "b"], {"a": Claim(4, (0,)), "b": Claim(5, (0,))}) == {"a": [1], "b": [0]}
