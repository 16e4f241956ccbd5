"""Workflows made from descriptions: the sandbox makes them again, from the same ones."""

from spine_temporal import (
    DefinitionError,
    ErrorCategory,
    Pipeline,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)
from tests.temporal.specs import SPECS

SPECS_MODULE = "tests.temporal.specs"


def answer(does):
    match does:
        case "count":
            return {"row_count": 7, "rate": 0.5}
        case "quality":
            raise SpineError("bad data", ErrorCategory.DATA_QUALITY, code="BAD")
        case "not_json":
            return {"rows": {1}}
    return {}


@register_pipeline("generated.work")
class Work(Pipeline):
    """Does what its step says."""

    def run(self):
        return answer(self.params["does"])


ITEM = Workflow(name="generated.item", steps=[Step.pipeline("work", "generated.work")])
SUB = Workflow(
    name="generated.sub", partition_by=["unique"],
    steps=[
        Step.pipeline("work", "generated.work"),
        Step.lambda_("check", lambda ctx, config: StepResult.ok(output=ctx.get_output("work"))),
    ],
)  # fmt: skip
#: Partition of the sub-workflow that is there before anything begins.
READY = "ready"
PIPELINES = {"generated.work": Work}


def _gate(spec, names, position):
    def gate(ctx, config):
        match spec["does"]:
            case "reads":
                return StepResult.ok(output={"saw": {name: ctx.get_output(name, "row_count") for name in names}})
            case "fail":
                return StepResult.fail(f"failed after {len(ctx.outputs)} outputs", "QUALITY_GATE")
            case "raise":
                return {}["missing"]
            case "none":
                return None
            case "route":
                target = position + spec["to"]
                return StepResult.ok(next_step=names[target] if target < len(names) else None)
        return StepResult.ok(output={"ok": True})

    return gate


def _inner(spec, name, does):
    if does == "gate":
        return Step.lambda_(name, lambda ctx, config: StepResult.ok(output={"saw": len(ctx.outputs)}))
    return Step.pipeline(name, "generated.work", {"does": does}, on_error="CONTINUE")


def _step(specs, names, position):  # noqa: PLR0911 - one for each kind
    spec, name = specs[position], names[position]
    match spec["kind"]:
        case "pipeline":
            params = {"does": spec["does"]}
            return Step.pipeline(name, "generated.work", params, on_error=spec["on_error"], local=spec["local"])
        case "wait":
            return Step.wait(name, 0.05)
        case "wait_for":
            return Step.wait_for(name, SUB, lambda ctx: {"unique": READY}, poll_interval=0.2, timeout=30)
        case "parallel":
            inner = [_inner(spec, f"{name}_{number}", does) for number, does in enumerate(spec["does"])]
            return Step.parallel(name, inner, spec["at_once"], on_error=spec["on_error"])
        case "map":
            return Step.map(
                name, [spec["does"]] * spec["count"], ITEM, item_param="does", on_error=spec["on_error"],
                max_concurrency=1,
            )  # fmt: skip
        case "workflow":
            return Step.workflow(
                name,
                SUB,
                lambda ctx: {"does": spec["does"], "unique": f"{ctx.params['unique']}-{name}"},
                on_error=spec["on_error"],
            )
        case "held":
            gate = {"does": "fail"}
            return Step.lambda_(
                name, _gate(gate, names, position), on_error="HOLD", deadline=0.05, at_deadline=spec["decision"]
            )
        case "gate":
            return Step.lambda_(name, _gate(spec, names, position), on_error=spec["on_error"])
    left = len(names) - position - 1
    if left < 1:
        return Step.lambda_(name, lambda ctx, config: StepResult.ok())
    otherwise = names[position + 2] if spec["else"] and left > 1 else None
    return Step.choice(name, lambda ctx: spec["answer"], names[position + 1], otherwise)


def build(name, specs):
    """Return the workflow; where its choices cannot be nested so, each choice becomes a gate."""
    names = [f"s{position}" for position in range(len(specs))]
    try:
        steps = [_step(specs, names, position) for position in range(len(specs))]
        return Workflow(name=name, steps=steps, on_failure=_hooks(specs))
    except DefinitionError:
        gate = {"kind": "gate", "does": "ok", "on_error": "STOP"}
        plain = [gate if spec["kind"] == "choice" else spec for spec in specs]
        steps = [_step(plain, names, position) for position in range(len(specs))]
        return Workflow(name=name, steps=steps, on_failure=_hooks(specs))


def _hooks(specs):
    """Return what runs after a failure: nothing, or two pipelines of which the first may fail."""
    does = ("count", "quality", None)[len(specs) % 3]
    return [Step.pipeline(f"hook_{given}", "generated.work", {"does": given}) for given in (does, "empty") if does]


def make(batch, suffix):
    """Return the workflows of a batch, and keep their descriptions for the sandbox."""
    made = []
    for number, specs in enumerate(batch):
        name = f"generated.{suffix}.n{number}"
        SPECS[name.replace(".", "_")] = (name, specs)
        made.append(build(name, specs))
    return made


def __getattr__(attribute):
    if attribute in SPECS:
        return build(*SPECS[attribute])
    raise AttributeError(attribute)
