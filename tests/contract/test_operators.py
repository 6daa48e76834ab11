"""What every operator does, whatever it is about. A new one joins by one line in tests/registered_operators.py."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from operators.operator import CAUSE, KeyedOperator, Operator
from pipelines.engines.state_rows import StateRows
from tests.cut_runs import run, step
from tests.registered_operators import CASES, LATENESS_US, Case

WIDE = pa.field("somebody_elses_column", pa.string())


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[str(request.param)]


@pytest.fixture
def operator(case: Case, tmp_path: Path) -> Operator | KeyedOperator:
    return case.make(tmp_path)


def test_the_output_has_the_declared_columns(case: Case, operator: Operator | KeyedOperator) -> None:
    batch = case.batch()
    declared = operator.output_schema(batch.schema)
    for rows in (batch, batch.slice(0, 0)):
        if isinstance(operator, KeyedOperator):
            keys = rows.column(operator.key).unique().to_pylist()
            memory = StateRows([operator], lambda keys: [None] * len(keys))
            memory.fetch(keys)
            states, out = operator.process(memory.batch(operator, keys), rows)
            assert states.schema == operator.state_schema
            assert states.num_rows == len(keys)
        else:
            out = operator.process(rows)
        assert out.schema.remove_metadata() == declared.remove_metadata()
        out.validate(full=True)


def test_it_says_which_column_is_missing(operator: Operator | KeyedOperator) -> None:
    with pytest.raises(ValueError, match=operator.name):
        operator.output_schema(pa.schema([pa.field("nothing_of_use", pa.int8())]))


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_where_the_rows_are_cut_changes_nothing(case: Case, operator: Operator | KeyedOperator, width: int) -> None:
    batch = case.batch()
    assert run(operator, batch, range(width, batch.num_rows, width)) == run(operator, batch)


def test_one_cut_at_every_row_changes_nothing(case: Case, operator: Operator | KeyedOperator) -> None:
    batch = case.batch()
    straight = run(operator, batch)
    for cut in range(batch.num_rows + 1):
        assert run(operator, batch, [cut]) == straight


def test_a_second_run_gives_the_same(case: Case, operator: Operator | KeyedOperator) -> None:
    assert run(operator, case.batch()) == run(operator, case.batch())


def test_it_leaves_its_input_as_it_was(case: Case, operator: Operator | KeyedOperator) -> None:
    batch = case.batch()
    before = pa.ipc.read_record_batch(batch.serialize(), batch.schema)
    run(operator, batch)
    assert batch.equals(before)


def test_other_peoples_columns_pass_through(case: Case, operator: Operator | KeyedOperator) -> None:
    batch = case.batch()
    wide = batch.append_column(WIDE, pa.array([f"w{i}" for i in range(batch.num_rows)]))
    out = run(operator, wide)
    if isinstance(operator, KeyedOperator) and operator.emits:
        assert out == run(operator, batch)
    else:
        assert [row.pop(WIDE.name) for row in out] == [f"w{i}" for i in range(batch.num_rows)]
        assert out == run(operator, batch)


def test_it_pickles(case: Case, operator: Operator | KeyedOperator) -> None:
    again = pickle.loads(pickle.dumps(operator))
    assert run(again, case.batch()) == run(operator, case.batch())


def test_who_keeps_no_deadline_is_never_fired(tmp_path: Path) -> None:
    operators = [case.make(tmp_path) for case in CASES.values()]
    keyed = [one for one in operators if isinstance(one, KeyedOperator)]
    without = [one for one in keyed if "deadline" not in one.state_schema.names]
    assert 0 < len(without) < len(keyed)
    for operator in without:
        nobody = pa.RecordBatch.from_pylist([], operator.state_schema)
        with pytest.raises(TypeError, match=f"{operator.name} has no deadlines; this is a bug"):
            operator.fire(pa.array([], pa.string()), nobody, 0)


def test_nothing_in_nothing_out(case: Case, operator: Operator | KeyedOperator) -> None:
    if case.silent is not None:
        answer = run(operator, case.batch())[case.silent]
        assert {name: answer[name] for name in case.adds} == dict.fromkeys(case.adds)
    else:
        assert run(operator, case.batch().slice(0, 0)) == []


def test_rows_keep_their_number_and_order(case: Case, operator: Operator | KeyedOperator) -> None:
    out = run(operator, case.batch())
    if isinstance(operator, KeyedOperator) and operator.emits:
        names = {field.name for field in CAUSE}
        assert all(names <= set(row) for row in out)
        assert all((row["_row"] is None) != (row["_deadline"] is None) for row in out)
    else:
        assert [row["event_id"] for row in out] == case.batch().column("event_id").to_pylist()


def test_devices_do_not_see_each_other(case: Case, operator: Operator | KeyedOperator) -> None:
    """Memory belongs to a key: the rows of one device alone give what they give among others."""
    if not isinstance(operator, KeyedOperator) or operator.emits:
        return
    batch = case.batch()
    together = run(operator, batch)
    keys = batch.column(operator.key)
    for key in keys.unique():
        mask = pa.compute.equal(keys, key)
        alone = run(operator, batch.filter(mask))
        assert alone == [row for row, keep in zip(together, mask.to_pylist(), strict=True) if keep]


def test_rows_of_several_partitions_can_share_a_batch(case: Case, operator: Operator | KeyedOperator) -> None:
    """One behind the other, each with a time of its own: here that of the last row lies far behind the others'."""
    batch = case.batch()
    if not isinstance(operator, KeyedOperator):
        parts = [batch.slice(batch.num_rows // 2), batch.slice(0, batch.num_rows // 2)]
        assert run(operator, pa.concat_batches(parts)) == [row for part in parts for row in run(operator, part)]
        return
    for cut in range(0, batch.num_rows - 1, 4):
        store: dict[str, bytes] = {}
        run(operator, batch.slice(0, cut), store=store)
        rest = batch.slice(cut)
        own = pa.compute.equal(rest.column(operator.key), rest.column(operator.key)[0])
        parts = [rest.filter(own), rest.filter(pa.compute.invert(own)).slice(0, 1)]
        states, rows = step(operator, pa.concat_batches(parts), store)
        (first_states, first), (second_states, second) = (step(operator, part, store) for part in parts)
        for row in second:
            if operator.emits and row["_row"] is not None:
                row["_row"] += parts[0].num_rows
        assert states == first_states | second_states
        assert sorted(rows, key=str) == sorted([*first, *second], key=str)


def test_lateness_of_the_suite_is_the_default() -> None:
    from pipelines.engines.job_settings import JobSettings

    assert JobSettings().rules.lateness_us == LATENESS_US
