"""Weekly files made by hand: the header, and lines of which every field can be given."""

from activities.finra.otc_transparency.parse import COLUMNS

HEADER = "|".join(COLUMNS)
WEEK = "2025-11-28"


def line(symbol="ABCD", mpid="OTCN", shares="100", trades="2", updated="2025-12-29", tier="OTC", name="A Name"):
    """Return a line of the OTC tier's week ending 2025-11-28, as it was first published."""
    return f"{tier}|{symbol}|{name}|{mpid} A VENUE|{mpid}|{shares}|{trades}|{updated}"
