"""Fingerprints of inputs: only a pipeline that names its input is asked, as asking costs a run a process's answer."""

from spine_temporal import Pipeline, Step, Workflow
from spine_temporal.definition.errors import SpineError
from spine_temporal.machine.planning import plan_of
from spine_temporal.runtime.fingerprints import changed_inputs, fingerprints_of


class Silent(Pipeline):
    name = "silent"


class Named(Pipeline):
    name = "named"

    @classmethod
    def fingerprint(cls, params):
        return {"of": params["file"]}


class Heir(Named):
    name = "heir"


class Static(Pipeline):
    name = "static"

    @staticmethod
    def fingerprint(params):
        return params["file"]


PIPELINES = {pipeline.name: pipeline for pipeline in (Silent, Named, Heir, Static)}
PLAN = plan_of(
    Workflow(
        name="fingerprints",
        steps=[Step.pipeline(f"by_{name}", name, params={"file": name}) for name in PIPELINES],
    )
)


class Asking:
    """Asks them here, and remembers whom."""

    def __init__(self, broken=()):
        self.asked, self.broken = [], broken

    async def fingerprint(self, pipeline, params, patience):
        self.asked.append(pipeline)
        if pipeline in self.broken:
            raise SpineError("there is no such file")
        return pipeline.fingerprint(params)


async def test_only_pipelines_that_name_their_input_are_asked():
    asking = Asking()
    found = await fingerprints_of(PLAN, {"week": 1}, PIPELINES, asking)
    assert asking.asked == [Named, Heir, Static]
    assert found == {"by_named": {"of": "named"}, "by_heir": {"of": "heir"}, "by_static": "static"}


async def test_an_input_that_cannot_be_read_has_none_and_does_not_count_as_changed():
    found = await fingerprints_of(PLAN, {}, PIPELINES, Asking(broken=[Heir]))
    assert set(found) == {"by_named", "by_static"}
    assert changed_inputs({"by_named": {"of": "other"}, "by_heir": 1}, found) == ["by_named"]
