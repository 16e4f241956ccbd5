"""``coverage``: how the partitions stand that a workflow should have."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.backfill import OverTexts
from spine_temporal.cli.pictures import AsTimeline, Output, TimelineFormat, form_of, put
from spine_temporal.cli.runs import AsJson, Document, Pairs, WorkflowName
from spine_temporal.definition.coverage import CoverageStatus
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spine_temporal.client.coverage import Coverage
    from spine_temporal.definition.over import Over
    from spine_temporal.definition.workflow import Workflow
    from spine_temporal.drawing.coverage_grid import CoverageGrid
    from spine_temporal.drawing.terminal_graph import TextLine


Inputs = Annotated[
    bool, typer.Option("--inputs", help="Ask the pipelines of complete partitions whether their inputs have changed.")
]
Statuses = Annotated[
    list[CoverageStatus] | None,
    typer.Option(
        "--status", metavar="STATUS", help="Print the partitions that stand so, and why; repeatable.",
        case_sensitive=False,
    ),
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=panels.OPERATING)(coverage)


def coverage(
    workflow: WorkflowName,
    over: OverTexts,
    param: Pairs = None,
    params: Document = None,
    status: Statuses = None,
    inputs: Inputs = False,
    format_: AsTimeline = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Print which partitions that --over names are complete, stale, failed, held, running, missing or not yet due."""
    from spine_temporal.cli.over import over_of_texts  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.params import read_params  # noqa: PLC0415
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.cli.session import chosen  # noqa: PLC0415
    from spine_temporal.drawing.coverage_grid import Cell, grid_of  # noqa: PLC0415

    form = TimelineFormat(form_of(format_, output, TimelineFormat))
    settings, definition = chosen(Settings.from_environment(), workflow)
    partitions = over_of_texts(definition, over)
    common = read_params(definition, param or [], params)
    found = _found(settings, definition, partitions, common, inputs=inputs)
    listed = [one for one in found if not status or one.status in status]
    if as_json:
        print_json([asdict(one) for one in listed])
    elif status:
        _print_partitions(listed)
    else:
        cells = [Cell(status=one.status, told=one.told) for one in found]
        put(_drawn(form, grid_of(definition.name, partitions, cells), is_file=output is not None), output)


def _found(
    settings: Settings, workflow: "Workflow", over: "Over", params: dict[str, Any], *, inputs: bool
) -> "list[Coverage]":
    from spine_temporal.cli.session import definitions, opened_database, run_async  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.coverage import coverage_of  # noqa: PLC0415

    loaded = definitions(settings)
    deadlines = [one for one in loaded.deadlines.values() if one.workflow.name == workflow.name]

    async def work() -> "list[Coverage]":
        with opened_database(settings) as database:
            inputs_of = loaded if inputs else None
            return await coverage_of(database, workflow, over, params=params, deadlines=deadlines, inputs_of=inputs_of)

    found: list[Coverage] = run_async(work)
    return found


def _drawn(form: TimelineFormat, grid: "CoverageGrid", *, is_file: bool) -> "str | Sequence[TextLine]":
    from spine_temporal.cli.layout import width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.drawing.svg_coverage import coverage_svg  # noqa: PLC0415
    from spine_temporal.drawing.terminal_coverage import coverage_lines  # noqa: PLC0415

    return (
        coverage_svg(grid)
        if form is TimelineFormat.SVG
        else coverage_lines(grid, width=None if is_file else width_of())
    )


def _print_partitions(found: "Sequence[Coverage]") -> None:
    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import say  # noqa: PLC0415

    if not found:
        say("no partition stands so")
        return
    columns = (Column(title="PARTITION"), Column(title="STATUS"), Column(title="WHY"), Column(title="RUN", below=True))
    rows = [(one.params, one.status, one.told, one.run_id) for one in found]
    typer.echo(table(columns, rows, width_of()))
