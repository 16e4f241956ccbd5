"""A run option among the params is refused at a start, and a param of that name goes down to sub-workflows."""

from uuid import uuid4

from tests.temporal import forced


async def test_an_option_among_the_params_of_a_temporal_start_ends_the_run_with_the_place_where_it_goes(serve):
    async with serve(forced.ABOVE) as service:
        identity = uuid4().hex
        await service.client.client.start_workflow(
            "forced.below", {"test": identity, "force": True}, id=identity, task_queue=service.client.task_queue
        )
        result = await (await service.client.handle_of(identity)).result()
    assert (result.status, result.error_category) == ("FAILED", "CONFIGURATION")
    assert result.error.endswith('give it as --force, or {"force": true} as the second argument of a Temporal start')


async def test_a_param_that_a_workflow_calls_so_is_given_to_its_sub_workflows(serve):
    async with serve(forced.ABOVE) as service:
        result = await service.execute(forced.ABOVE, {"force": True})
    assert result.outputs["below"]["look"] == {"force": True}
