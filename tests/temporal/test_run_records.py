"""What is drawn of a run is what has happened: from the rows, the run itself and Temporal's history."""

import asyncio
from uuid import uuid4

import pytest

from spine_temporal.client.run_records import gathered
from spine_temporal.definition.errors import ParamsError
from spine_temporal.drawing.run_record import SpanKind
from spine_temporal.drawing.terminal_timeline import timeline_lines
from tests.temporal import drawn
from tests.temporal.test_held_gates import held


async def test_a_run_is_drawn_while_it_is_held_and_when_it_has_ended(serve, temporal, database):
    async with serve(drawn.DRAWN, drawn.ITEM, in_process=True) as service:
        run = await service.client.start(drawn.DRAWN, {"test": uuid4().hex})
        await held(run)
        found = await gathered(database, temporal, run.workflow_id, with_history=True)
        assert (found.lacks, found.run.status, found.run.is_open) == ("", "HELD", True)
        load, check = found.run.steps["load"], found.run.steps["check"]
        assert (load.rows, load.execution.attempt) == (7, 2)
        assert [span.kind for span in load.spans] == [SpanKind.RETRIES, SpanKind.ATTEMPT]
        assert load.spans[0].ends == load.spans[1].begins
        assert (load.spans[0].ends - load.spans[0].begins).total_seconds() >= 0.3
        assert [(span.kind, span.ends) for span in check.spans] == [(SpanKind.HELD, None)]
        assert [(each.name, each.value, each.threshold, each.passed) for each in check.checks] == [
            ("row_count", 7, 10, False)
        ]
        assert "each" not in found.run.steps
        await run.decide("waive", "check", by="ann", reason="few")
        await run.result()
        whole = await gathered(database, temporal, run.workflow_id, with_history=True)
        assert (whole.run.status, whole.run.is_open) == ("COMPLETED", False)
        [hold] = whole.run.steps["check"].spans
        assert hold.begins < hold.ends <= whole.run.completed_at
        assert list(whole.run.steps["each"].items) == ["each[0]", "each[1]"]
        assert (whole.run.steps["each"].rows, whole.run.steps["never"].rows) == (2, 1)
        words = "\n".join(text for line in timeline_lines(whole.plan, whole.run, width=80) for text, _ in line)
        assert "waived by ann: few" in words
        alone = await gathered(database, None, whole.run.run_id, with_history=True)
        assert alone.lacks.startswith("Temporal does not answer, so that earlier attempts")
        assert {name: step.execution for name, step in alone.run.steps.items()} == {
            name: step.execution for name, step in whole.run.steps.items()
        }


async def test_an_open_run_that_nobody_answers_for_is_what_its_rows_say(serve, temporal, database):
    async with serve(drawn.DRAWN, drawn.ITEM, in_process=True) as service:
        run = await service.client.start(drawn.DRAWN, {"test": uuid4().hex})
        await held(run)
    found = await gathered(database, None, run.workflow_id, with_history=False)
    assert found.lacks == "Temporal does not answer, so that the steps are as Postgres knows them"
    assert {name: str(step.execution.status) for name, step in found.run.steps.items()} == {
        "load": "COMPLETED",
        "check": "HELD",
    }
    assert found.run.status == "HELD"
    drawn_at = timeline_lines(found.plan, found.run, width=80)
    assert "▓▸" in "".join(words for line in drawn_at for words, _ in line)
    await run.handle.terminate("seen")


async def test_a_run_that_temporal_has_forgotten_is_drawn_without_its_history(serve, temporal, database):
    async with serve(drawn.ITEM, in_process=True) as service:
        run = await service.client.start(drawn.ITEM, {"test": uuid4().hex})
        result = await run.result()
        with database.begin() as connection:
            from sqlalchemy import text

            connection.execute(
                text("UPDATE core_runs SET execution_run_id = :gone WHERE run_id = :run_id"),
                {"gone": str(uuid4()), "run_id": result.run_id},
            )
    found = await gathered(database, temporal, result.run_id, with_history=True)
    assert found.lacks.startswith("Temporal has no history of the run")
    assert found.run.steps["do"].rows == 1


async def test_a_run_that_has_not_begun_is_a_sentence(database):
    with pytest.raises(ParamsError, match="no run with the run id or workflow id 'nope/day=1' has begun"):
        await asyncio.wait_for(gathered(database, None, "nope/day=1", with_history=False), 10)
