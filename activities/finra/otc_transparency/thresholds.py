"""What is usual for a tier; outside of it a run goes on and an anomaly says so."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WarnBand:
    """Usual numbers of one week."""

    rows: tuple[int, int]
    least_symbols: int
    least_venues: int


#: Measured for OTC, estimated for the other two.
WARN_BANDS = {
    "NMS_TIER_1": WarnBand(rows=(30_000, 110_000), least_symbols=1_500, least_venues=15),
    "NMS_TIER_2": WarnBand(rows=(60_000, 200_000), least_symbols=3_000, least_venues=15),
    "OTC": WarnBand(rows=(3_500, 8_000), least_symbols=1_500, least_venues=5),
}


#: How far a week's rows may be from the median of the six weeks before, as a share.
USUAL_CHANGE = 0.30
#: How much a revision may change a week's shares, as a share.
USUAL_REVISION = 0.05
