"""Workflows made from descriptions: the sandbox makes them again, from the same ones."""

from spine_temporal import (
    DefinitionError,
    ErrorCategory,
    Pipeline,
    PipelineResult,
    PipelineStatus,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)
from spine_temporal.definition.json_values import to_json
from tests.temporal.specs import SPECS

SPECS_MODULE = "tests.temporal.specs"


#: What a pipeline can fail with; the others say that its run has lost its partition.
CATEGORIES = [category for category in ErrorCategory if not category.is_lost]
FAILS = ["raises", "fails", "failed", "failed_silently", "not_json", "text", "no_metrics", "no_quality", "breaks"]
QUICK = {"initial_interval": 0.05, "max_interval": 0.05}


def answer(params, attempt=1):
    """Return or raise what the params say; ``flaky`` fails at its first attempt only."""
    category = ErrorCategory(params.get("category", "DATA_QUALITY"))
    match params["does"]:
        case "flaky" if attempt > 1:
            return {"attempt": attempt}
        case "fails" | "flaky":
            raise SpineError("bad data", category, code="BAD")
        case "breaks":
            return to_json({1}, "what the pipeline made")
        case "raises":
            return {}["missing"]
    return _returned(category)[params["does"]]


def _returned(category):
    return {
        "count": {"row_count": 7, "rate": 0.5},
        "empty": {},
        "result": PipelineResult.ok(row_count=3, week=None),
        "nothing": None,
        "failed": PipelineResult.fail("it says so", category),
        "failed_silently": PipelineResult(status=PipelineStatus.FAILED, category=category),
        "not_json": {"rows": {1}},
        "text": "seven rows",
        "no_metrics": PipelineResult(metrics=7),
        "no_quality": PipelineResult(quality="good"),
    }


@register_pipeline("generated.work")
class Work(Pipeline):
    """Does what its step says."""

    def run(self):
        return answer(self.params, self.attempt)


def _item(policy):
    retry = RetryPolicy(max_attempts=2, **QUICK)
    return Workflow(
        name="generated.item", steps=[Step.pipeline("work", "generated.work", on_error=policy, retry=retry)]
    )


SUB = Workflow(
    name="generated.sub", partition_by=["unique"],
    steps=[
        Step.pipeline("work", "generated.work", retry=RetryPolicy(**QUICK)),
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
                return StepResult.fail(f"failed after {len(ctx.outputs)} outputs", spec["category"])
            case "raise":
                return {}["missing"]
            case "none":
                return None
            case "route":
                target = position + spec["to"]
                return StepResult.ok(next_step=names[target] if target < len(names) else None)
        return StepResult.ok(output={"ok": True})

    return gate


def _pipeline(spec, name, does, policy, **options):
    params = {"does": does, "category": spec["category"], "step": name}
    retry = RetryPolicy(max_attempts=spec["tries"], **QUICK)
    return Step.pipeline(name, "generated.work", params, on_error=policy, retry=retry, **options)


def _inner(spec, name, does):
    """Return a step of a parallel one. Beside others it stops none: how far they are would differ by chance."""
    if does == "gate":
        return Step.lambda_(name, lambda ctx, config: StepResult.ok(output={"saw": len(ctx.outputs)}))
    if does == "wait":
        return Step.wait(name, 0.05)
    return _pipeline(spec, name, does, spec["inner"] if spec["at_once"] == 1 else "CONTINUE")


def _map(spec, name):
    given = {"category": spec["category"]}
    options = {"on_error": spec["on_error"], "max_concurrency": 1, "tolerated_failures": spec["tolerated"]}
    if spec["of"] == "pipelines":
        items = [spec["does"]] * spec["count"]
        return Step.map(name, items, _item(spec["inner"]), item_param="does", params=given, **options)

    def items(ctx):
        return [f"{ctx.params['unique']}-{name}-{number}" for number in range(spec["count"])]

    return Step.map(name, items, SUB, item_param="unique", params=given | {"does": spec["does"]}, **options)


def _step(specs, names, position):  # noqa: PLR0911 - one for each kind
    spec, name = specs[position], names[position]
    match spec["kind"]:
        case "pipeline":
            return _pipeline(spec, name, spec["does"], spec["on_error"], local=spec["local"])
        case "wait":
            return Step.wait(name, 0.05)
        case "wait_for":
            return Step.wait_for(name, SUB, lambda ctx: {"unique": READY}, poll_interval=0.2, timeout=30)
        case "parallel":
            inner = [_inner(spec, f"{name}_{number}", does) for number, does in enumerate(spec["does"])]
            return Step.parallel(name, inner, spec["at_once"], on_error=spec["on_error"])
        case "map":
            return _map(spec, name)
        case "workflow":
            given = {"does": spec["does"], "category": spec["category"]}
            return Step.workflow(
                name, SUB, lambda ctx: {**given, "unique": f"{ctx.params['unique']}-{name}"}, on_error=spec["on_error"]
            )
        case "held":
            return Step.lambda_(
                name, _gate(spec, names, position), on_error="HOLD", deadline=0.05, at_deadline=spec["decision"]
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
    does = ("count", "fails", None)[len(specs) % 3]
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
