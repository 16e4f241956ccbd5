"""How far a pipeline is, and which of its attempts it is, is known while it runs."""

import asyncio
from uuid import uuid4

from spine_temporal.client.attempts import attempts_of
from tests.temporal import trying


async def _until(run, condition):
    for _ in range(600):
        attempt = (await attempts_of(run.client, await run.handle.describe())).get("try")
        if attempt is not None and condition(attempt):
            return attempt
        await asyncio.sleep(0.05)
    raise AssertionError(f"{attempt}")


async def test_attempts_that_the_pipeline_has_failed_are_counted_of_those_that_it_has(serve, tmp_path):
    async with serve(trying.TRYING) as service:
        run = await service.client.start(trying.TRYING, {"test": uuid4().hex, "folder": str(tmp_path)})
        waiting = await _until(run, lambda attempt: attempt.next_at is not None)
        assert (waiting.which, waiting.error) == ("attempt 2 of 3", "[bold]not yet[/] (attempt 1 of 3)")
        (tmp_path / "tell").touch()
        running = await _until(run, lambda attempt: attempt.started_at is not None and attempt.number == 2)
        assert running.which == "attempt 2 of 3"
        (tmp_path / "go").touch()
        assert (await run.result()).status == "COMPLETED"


async def test_what_a_pipeline_tells_is_an_amount_with_its_rate(serve, tmp_path):
    (tmp_path / "tell").touch()
    async with serve(trying.TRYING) as service:
        run = await service.client.start(trying.TRYING, {"test": uuid4().hex, "folder": str(tmp_path)})
        first = await _until(run, lambda attempt: attempt.amount is not None)
        assert (first.amount, first.which) == ((1000, "rows"), "")
        assert first.per_second > 0
        (tmp_path / "go").touch()
        await run.result()
