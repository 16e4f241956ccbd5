"""The domain's own commands, added to ``spine-temporal``. Loaded for ``--help``: imports nothing heavy."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("sample-data")
def sample_data(
    tier: Annotated[str, typer.Option(help="NMS_TIER_1, NMS_TIER_2 or OTC.")],
    week_ending: Annotated[str, typer.Option(help="Any day of the week but Monday, as YYYY-MM-DD.")],
    rows: Annotated[int, typer.Option(min=1, help="Data lines.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    seed: Annotated[int, typer.Option(help="Another seed gives other numbers.")] = 1,
) -> None:
    """Write a file in FINRA's weekly format, the same one for the same options."""
    from activities.finra.otc_transparency.sample_data import write_sample  # noqa: PLC0415 - keeps --help quick
    from activities.finra.otc_transparency.week import bad_param, tier_of, week_ending_of  # noqa: PLC0415

    resolved, friday = tier_of(tier), week_ending_of(week_ending)
    try:
        written = write_sample(out, resolved, friday, rows, seed)
    except OSError as error:
        raise bad_param(f"{out} cannot be written: {error.strerror or error}") from None
    typer.echo(f"{out}: {written:,} rows, {resolved.name}, week ending {friday}")
