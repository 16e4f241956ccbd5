"""Hypothesis strategies of starts: payloads of params and options, well formed and not."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1.external_storage_pb2 import ExternalStorageReference
from temporalio.converter import JSONProtoPayloadConverter

from ops.hostile import jobs

Json = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Start:
    """A start: the workflow type, its payloads, and the field that a failure must name."""

    workflow: str
    payloads: tuple[Payload, ...]
    field: str | None = None


_NAMES = [workflow.name for workflow in jobs.ALL]
_GOOD = {"week_ending": "2025-11-28", "tier": "OTC", "rows": 5, "rate": 0.25, "source": {"path": "x", "retries": 1}}
_TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "\x00", "a\x00b", "\ud800", "'; DROP TABLE core_runs; --", "{{7*7}}", "../../etc/passwd", "NaN", "null",
         "\u202e", "😀" * 20, "x" * 5000, "__proto__", "%s%n", "1e999", "-0"]
    ),
)  # fmt: skip
_NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 2**63, -(2**63), 1e308, 5e-324, float("nan"), float("inf")]),
)
_SCALARS = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
_VALUES: Json = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=8
)
_OBJECTS = st.dictionaries(st.one_of(_TEXTS, st.sampled_from(["echo", "twice", "force"])), _VALUES, max_size=5)


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"deeper": value}
    return value


_ODD_PARAMS = st.one_of(
    _VALUES,
    _OBJECTS,
    st.integers(60, 200).map(lambda levels: {"echo": _deep(levels)}),
    st.integers(250_000, 400_000).map(lambda size: {"echo": "x" * size}),
    st.lists(_VALUES, max_size=3),
)
_OPTIONS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["force", "dry_run", "start_from", "resume", "on_gate_failure", "Force", ""]),
        _VALUES,
        max_size=3,
    ),
    _VALUES,
)

#: Values that each field of the typed workflow must refuse.
_WRONG: dict[str, Json] = {
    "week_ending": st.one_of(st.none(), st.integers(), st.sampled_from(["", "28.11.2025", "2025-11-28\x00", "next"])),
    "tier": st.one_of(
        st.none(), st.integers(), st.sampled_from(["otc", "OTC ", "NMS"]), st.lists(st.just("OTC"), max_size=2)
    ),
    "rows": st.one_of(st.none(), st.sampled_from([-1, 10_001, 1.5, "many", [1], {}, 10**400])),
    "rate": st.one_of(st.none(), st.sampled_from(["high", [], {}, "1,5", float("nan"), float("inf")])),
    "source": st.one_of(st.none(), st.sampled_from([1, "path", [], {"path": 1}, {"retries": 10}, {"retries": "x"}])),
}


def _payload(value: Any) -> Payload:
    data = json.dumps(value, allow_nan=True).encode("utf-8", "surrogatepass")
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def reference(driver: str, claim: dict[str, str]) -> Payload:
    """Return a payload that claims to be kept elsewhere."""
    reference = ExternalStorageReference(driver_name=driver, claim_data=claim)
    return JSONProtoPayloadConverter().to_payload(reference) or Payload()


_RAW = st.one_of(
    st.binary(max_size=40).map(lambda data: Payload(metadata={"encoding": b"json/plain"}, data=data)),
    st.sampled_from(
        [
            Payload(),
            Payload(data=b"{}"),
            Payload(metadata={"encoding": b"binary/null"}),
            Payload(metadata={"encoding": b"binary/plain"}, data=b"\x00\xff{}"),
            Payload(metadata={"encoding": b"unheard/of"}, data=b"{}"),
            Payload(metadata={"encoding": b"\xff\xfe"}, data=b"{}"),
            Payload(metadata={"encoding": b"json/protobuf", "messageType": b"no.such.Message"}, data=b"{}"),
            Payload(metadata={"encoding": b"binary/protobuf", "messageType": b"no.such.Message"}, data=b"\x08"),
            *(reference(driver, claim) for driver in ("unheard of", "spine.postgres") for claim in ({}, {"x": "y"})),
            reference("spine.postgres", {"payload_id": "'; DROP TABLE core_payloads; --"}),
            Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b'{"driver_name": 1}'),
            Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b"{"),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": 1, "a": 2}'),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": '),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": "\xff"}'),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": "\\ud800"}'),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": ' + b"9" * 5000 + b"}"),
            Payload(metadata={"encoding": b"json/plain"}, data=b'{"a": 1e400}'),
            Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 5000 + b"]" * 5000),
            Payload(metadata={"encoding": b"json/plain"}, data=b"\xef\xbb\xbf{}"),
            Payload(metadata={"encoding": b"json/plain"}, data=b"Infinity"),
        ]
    ),
)


@st.composite
def _wrong_field(draw: st.DrawFn) -> Start:
    """Return a start of the typed workflow with one field that is wrong, missing or unknown."""
    name = draw(st.sampled_from([*_WRONG, "unknown"]))
    if name == "unknown":
        name = draw(st.sampled_from(["week", "Tier", "row", "spine", "force", "__class__"]))
        return Start("hostile.typed", (_payload({**_GOOD, name: 1}),), name)
    if name in {"week_ending", "tier"} and draw(st.booleans()):
        return Start("hostile.typed", (_payload({key: _GOOD[key] for key in _GOOD if key != name}),), name)
    return Start("hostile.typed", (_payload({**_GOOD, name: draw(_WRONG[name])}),), name)


def _start(workflow: str, *payloads: Payload) -> Start:
    return Start(workflow, payloads)


_WORKFLOW = st.sampled_from(_NAMES)

STARTS: st.SearchStrategy[Start] = st.one_of(
    _wrong_field(),
    st.builds(_start, _WORKFLOW, _ODD_PARAMS.map(_payload)),
    st.builds(_start, _WORKFLOW, _OBJECTS.map(_payload), _OPTIONS.map(_payload)),
    st.builds(_start, st.just("hostile.typed"), st.just(_payload(_GOOD)), _OPTIONS.map(_payload)),
    st.builds(_start, _WORKFLOW, _RAW),
    st.builds(_start, _WORKFLOW, _OBJECTS.map(_payload), _RAW),
    st.builds(lambda name, many: _start(name, *map(_payload, many)), _WORKFLOW, st.lists(_SCALARS, max_size=5)),
    st.builds(_start, st.sampled_from(["hostile.unknown", "", "spine.begin", "x" * 500]), _OBJECTS.map(_payload)),
)
