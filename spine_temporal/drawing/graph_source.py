"""A graph in the languages of other programs: Mermaid, which many pages render, and DOT of Graphviz."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise

from spine_temporal.drawing.blocks import next_of
from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.styles import tint_of
from spine_temporal.drawing.words import NO_BREAK, details_of, frame_title, head_of, kind_of, plain, status_of, story_of
from spine_temporal.machine.plan import AnyPlanned, Plan, PlannedParallel, PlannedPipeline

#: Mermaid's brackets of each kind of step, and DOT's shapes.
_BRACKETS = {"lambda": ("{{", "}}"), "choice": ("{", "}"), "workflow": ("[[", "]]"), "wait": ("([", "])")}
_SHAPES = {"lambda": "hexagon", "choice": "diamond", "workflow": "box3d", "map": "box3d", "wait": "ellipse"}
_START, _END = "start", "finish"


def mermaid(plan: Plan, run: RunRecord | None = None) -> str:
    """Return the graph as a Mermaid flowchart."""
    names = _names(plan)
    lines = ["---", f"title: {json.dumps(_title(plan, run))}", "---", "flowchart TD", f"    {_START}((start))"]
    for step in plan.steps:
        lines += _mermaid_step(step, names, run)
    lines.append(f"    {_END}((end))")
    for source, target, label in _ways(plan, names):
        lines.append(f"    {source} -->{f'|{label}|' if label else ''} {target}")
    for title, hooks in _hooks(plan):
        lines.append(f'    subgraph {_id(title)}["{title}"]')
        lines += [f"    {line}" for hook in hooks for line in _mermaid_step(hook, names, run)]
        lines += [f"        {names[a.name]} --> {names[b.name]}" for a, b in pairwise(hooks)]
        lines.append("    end")
    return "\n".join([*lines, *_mermaid_colours(plan, names, run), ""])


def dot(plan: Plan, run: RunRecord | None = None) -> str:
    """Return the graph as Graphviz's DOT."""
    names = _names(plan)
    lines = [
        f"digraph {_dot_text(plan.workflow)} {{",
        f"    label={_dot_text(_title(plan, run))}; labelloc=t; compound=true; rankdir=TB;",
        '    node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="monospace", fontsize=11];',
        f"    {_START} [shape=circle, label=start]; {_END} [shape=doublecircle, label=end];",
    ]
    for step in plan.steps:
        lines += _dot_step(step, names, run)
    for source, target, label in _ways(plan, names):
        lines.append(f"    {_dot_way(plan, names, source, target, label)}")
    for title, hooks in _hooks(plan):
        lines.append(f"    subgraph cluster_{_id(title)} {{ label={_dot_text(title)}; style=dashed;")
        lines += [f"    {line}" for hook in hooks for line in _dot_step(hook, names, run)]
        lines += [f"        {names[a.name]} -> {names[b.name]};" for a, b in pairwise(hooks)]
        lines.append("    }")
    return "\n".join([*lines, "}", ""])


def _names(plan: Plan) -> dict[str, str]:
    """Return each step's name in the graph's language, where any word may be a keyword."""
    return {name: f"s{number}" for number, name in enumerate(plan.places, 1)}


def _title(plan: Plan, run: RunRecord | None) -> str:
    return f"{plain(run.workflow_id)}: {head_of(run)}" if run else f"{plan.workflow} version {plan.version}"


def _hooks(plan: Plan) -> list[tuple[str, Sequence[PlannedPipeline]]]:
    hooks = [("when the run has failed", plan.on_failure), ("when it was cancelled", plan.on_cancel)]
    return [(title, steps) for title, steps in hooks if steps]


def _id(title: str) -> str:
    return title.replace(" ", "_")


def _ways(plan: Plan, names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return each way from a step to the next, with its label."""
    ids = [*(names[step.name] for step in plan.steps), _END]
    ways = [(_START, ids[0], "")]
    for position in range(len(plan.steps)):
        ways += [(ids[position], ids[target], label) for label, target in next_of(plan, position)]
    return ways


def _lines(step: AnyPlanned, run: RunRecord | None) -> list[str]:
    record = run.steps.get(step.name) if run else None
    story = story_of(record, run, with_status=True) if run else []
    lines = [plain(step.name), kind_of(step), *details_of(step), *story]
    return [line.replace(NO_BREAK, " ") for line in lines]


def _mermaid_step(step: AnyPlanned, names: dict[str, str], run: RunRecord | None) -> list[str]:
    if isinstance(step, PlannedParallel):
        title = _title_of(step, run, _mermaid_text)
        inner = [f"    {line}" for member in step.steps for line in _mermaid_step(member, names, run)]
        return [f'    subgraph {names[step.name]}["{title}"]', *inner, "    end"]
    begin, end = _BRACKETS.get(step.kind, ("[", "]"))
    words = "<br>".join(_mermaid_text(line) for line in _lines(step, run))
    return [f'    {names[step.name]}{begin}"{words}"{end}']


def _title_of(step: AnyPlanned, run: RunRecord | None, quote: Callable[[str], str]) -> str:
    status = f": {status_of(run.steps.get(step.name))}" if run else ""
    return quote(", ".join([frame_title(step), *details_of(step)]) + status)


def _mermaid_text(text: str) -> str:
    """Return text that Mermaid shows as it is: its own signs and HTML's are written as numbers."""
    return "".join(letter if letter.isalnum() or letter in " .,_-+/=%:()" else f"#{ord(letter)};" for letter in text)


def _mermaid_colours(plan: Plan, names: dict[str, str], run: RunRecord | None) -> list[str]:
    lines = []
    for name, place in plan.places.items():
        tint = tint_of(status_of(run.steps.get(name)) if run else "", kind_of(place.step))
        lines.append(f"    style {names[name]} fill:{tint.fill},stroke:{tint.line},color:#1c2128")
    return lines


def _dot_step(step: AnyPlanned, names: dict[str, str], run: RunRecord | None) -> list[str]:
    tint = tint_of(status_of(run.steps.get(step.name)) if run else "", kind_of(step))
    if isinstance(step, PlannedParallel):
        title = _title_of(step, run, _dot_text)
        head = f'    subgraph cluster_{names[step.name]} {{ label={title}; color="{tint.line}"; style=rounded;'
        inner = [f"    {line}" for member in step.steps for line in _dot_step(member, names, run)]
        return [head, *inner, "    }"]
    shape = f", shape={_SHAPES[step.kind]}, style=filled" if step.kind in _SHAPES else ""
    words = _dot_text("\n".join(_lines(step, run)))
    return [f'    {names[step.name]} [label={words}, fillcolor="{tint.fill}", color="{tint.line}"{shape}];']


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _dot_way(plan: Plan, names: dict[str, str], source: str, target: str, label: str) -> str:
    """Return a way; to and from a parallel step it is drawn to the box around its steps."""
    inside = {names[step.name]: step for step in plan.steps if isinstance(step, PlannedParallel)}
    marks = [f'label="{label}"'] if label else []
    marks += [f"lhead=cluster_{target}"] if target in inside else []
    marks += [f"ltail=cluster_{source}"] if source in inside else []
    first = {name: names[step.steps[0].name] for name, step in inside.items()}
    told = f" [{', '.join(marks)}]" if marks else ""
    return f"{first.get(source, source)} -> {first.get(target, target)}{told};"
