"""From what a caller gave to what a run works with: params, options, the partition and the workflow id."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import (
    MAX_PARAMS_BYTES,
    JsonValueError,
    clean_text,
    json_size,
    require_size,
    to_json,
)
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.workflow import Workflow

#: Bytes of a partition as JSON; it is part of the keys of tables.
MAX_PARTITION_BYTES = 1000
#: Memo key of the params' fingerprint, by which a start with other params is refused.
FINGERPRINT = "spine_params_sha256"
#: Characters of a workflow id; a longer partition is cut and ended by a hash.
MAX_ID_CHARACTERS = 250

_TOO_LARGE = "pass a path or an id, not the data"


class ResumeOptions(BaseModel):
    """Which run to go on from, and what a person has changed for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    #: The run whose completed steps are kept.
    run_id: str
    #: The first step that runs again; None: what is not completed runs.
    start_from: str | None = None
    #: New values, by param name or by ``gate.key`` of a gate's config.
    changes: dict[str, Any] = Field(default_factory=dict)
    #: Steps to leave out, with the reason.
    skip: dict[str, str] = Field(default_factory=dict)
    #: Who decided it.
    by: str = ""
    #: Which request it is, of those that were made to resume the run.
    request_id: str = ""


class RunOptions(BaseModel):
    """How to run, beside what to run: the second argument of a Temporal start."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    #: Run although the partition is COMPLETED.
    force: bool = False
    #: Walk the plan, ask the gates, run no pipeline, write no row.
    dry_run: bool = False
    #: Keep the outputs that the partition's last run has of the steps before this one, and run from here.
    start_from: str | None = None
    #: ``hold``: a gate that would stop the run waits for a person instead.
    on_gate_failure: Literal["stop", "hold"] = "stop"
    #: What to do where another run holds the partition (``OnBusy``); None: as the workflow says.
    on_busy: Literal["fail", "queue", "newest", "cancel_older"] | None = None
    #: Go on from a run that has ended.
    resume: ResumeOptions | None = None
    #: Set by the run whose step this one is: what an earlier run of the lineage has done with the same params is kept.
    lineage: str | None = None


_SECOND = "as the second argument of a Temporal start"
#: Run options that no person gives: a workflow may well have a param of that name.
INTERNAL_OPTIONS = frozenset({"lineage"})
#: Where a person gives each of the others.
_OPTIONS = {
    "force": f'--force, or {{"force": true}} {_SECOND}',
    "dry_run": f'--dry-run, or {{"dry_run": true}} {_SECOND}',
    "start_from": f'--start-from STEP, or {{"start_from": "STEP"}} {_SECOND}',
    "on_gate_failure": f'--hold, or {{"on_gate_failure": "hold"}} {_SECOND}',
    "on_busy": f'--on-busy POLICY, or {{"on_busy": "queue"}} {_SECOND}',
    "resume": "`spine-temporal resume WORKFLOW_ID`",
}


def resolve_params(workflow: Workflow, given: Any, *, inherited: bool = False) -> dict[str, Any]:
    """Return the run's params: defaults, then ``given``, validated by the workflow's ``params_model``.

    One start asks up to three times. The command says what it understood; the client names the run after its partition;
    the worker must ask again, as a start may come from the Temporal CLI or a schedule.

    ``inherited``: the params come from another run, so that a run option's name among them is a param's. Raises
    ``ParamsError`` naming the field.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ParamsError(
            f"params of {workflow.name!r} must be a JSON object, not {type(given).__name__}: "
            'pass for example {"week_ending": "2025-11-28"}'
        )
    if not inherited:
        refuse_options(workflow, given)
    try:
        params: dict[str, Any] = {**workflow.defaults, **to_json(given, "params")}
        if workflow.params_model is not None:
            params = to_json(_validated(workflow, workflow.params_model, params), "params")
        require_size(params, "params", MAX_PARAMS_BYTES, _TOO_LARGE)
    except JsonValueError as error:
        raise ParamsError(str(error)) from None
    return params


def refuse_options(workflow: Workflow, names: Iterable[Any]) -> None:
    """Raise ``ParamsError`` for a run option among the params, saying where it goes; a param of its name is one."""
    own = {*workflow.defaults, *_fields(workflow)}
    for name in names:
        option = str(name).replace("-", "_")
        if option in _OPTIONS and name not in own:
            raise ParamsError(
                f"{name!r} is a run option and no param of {workflow.name!r}", advice=f"give it as {_OPTIONS[option]}"
            )


def resolve_options(given: Any) -> RunOptions:
    """Return the run's options; raise ``ParamsError`` naming the one that is wrong."""
    if given is None:
        return RunOptions()
    if not isinstance(given, Mapping):
        raise ParamsError(f'run options must be a JSON object such as {{"force": true}}, not {type(given).__name__}')
    _refuse_unknown("run option", [str(key) for key in given], RunOptions.model_fields)
    try:
        return RunOptions.model_validate(dict(given))
    except ValidationError as error:
        raise ParamsError(_first_problem("run option", error)) from None


def partition_of(workflow: Workflow, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params that identify what the run works on; raise ``ParamsError`` where one is missing.

    Where that is all of them and they are too many for a key, it is their digest.
    """
    if workflow.partition_by is None:
        partition = {name: params[name] for name in sorted(params)}
        small = json_size(partition) <= MAX_PARTITION_BYTES
        return partition if small else {"params_sha256": fingerprint(partition)}
    missing = [name for name in workflow.partition_by if params.get(name) is None]
    if missing:
        raise ParamsError(f"param {missing[0]!r} is missing: {workflow.name!r} needs it to identify the partition")
    partition = {name: params[name] for name in workflow.partition_by}
    if json_size(partition) > MAX_PARTITION_BYTES:
        raise ParamsError(
            f"the partition of {workflow.name!r} is {json_size(partition):,} bytes, over the limit of "
            f"{MAX_PARTITION_BYTES:,}: pass shorter {', '.join(workflow.partition_by)}"
        )
    return partition


def workflow_id(workflow: Workflow, partition: Mapping[str, Any]) -> str:
    """Return ``{workflow name}/{k=v,...}``; long or odd values are cut and ended by a hash of the partition."""
    pairs = [f"{name}={value if isinstance(value, str) else canonical(value)}" for name, value in partition.items()]
    full = f"{workflow.name}/{','.join(pairs)}" if pairs else workflow.name
    plain = re.sub(r"[^\w.,=:/@+\- ]", "_", full)
    if plain == full and len(full) <= MAX_ID_CHARACTERS:
        return full
    return f"{plain[: MAX_ID_CHARACTERS - 13]}~{fingerprint(partition)[:12]}"


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value's canonical form, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def known_params(workflow: Workflow) -> tuple[str, ...] | None:
    """Return the params that the workflow takes; None: any."""
    model = workflow.params_model
    if model is None or model.model_config.get("extra") == "allow":
        return None
    return tuple(sorted(_fields(workflow)))


def _fields(workflow: Workflow) -> set[str]:
    """Return the fields of the params model, by every name that they have."""
    fields = workflow.params_model.model_fields if workflow.params_model else {}
    return {*fields, *(field.alias for field in fields.values() if field.alias)}


def _validated(workflow: Workflow, model: type[BaseModel], params: dict[str, Any]) -> dict[str, Any]:
    known = known_params(workflow)
    if known is not None:
        _refuse_unknown("param", params, known)
    try:
        return model.model_validate(params).model_dump(mode="json")
    except ValidationError as error:
        raise ParamsError(_first_problem("param", error)) from None
    except BaseException as error:  # noqa: BLE001 - a validator is the user's code; whatever it raises refuses the params
        fault = fault_of(error)
        refusal = ParamsError(clean_text(f"params of {workflow.name!r}: {fault}"))
        refusal.traceback = fault.traceback
        raise refusal from None


def _refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    allowed = sorted(known)
    for name in names:
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            raise ParamsError(f"unknown {what} {name[:100]!r}: allowed are {', '.join(allowed)}{hint}")


def _first_problem(what: str, error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{what} {where!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if not where:
        return message
    return f"{what} {where!r} is wrong: {message} (given: {str(problem['input'])[:100]!r})"
