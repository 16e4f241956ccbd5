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


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """What the weekly refresh's gates let pass; a capture beyond it is marked FAILED_GATE."""

    min_rows: int = 1000
    max_errors: int = 10
    max_null_rate: float = 0.05
    max_reject_rate: float = 0.01
    max_conflicts: int = 10

    def pass_ingest(self, rows: int, errors: int) -> bool:
        """Whether validate_ingest lets these numbers pass."""
        return rows >= self.min_rows and errors <= self.max_errors

    def pass_normalize(self, null_rate: float, reject_rate: float, conflicts: int) -> bool:
        """Whether validate_normalize lets these numbers pass."""
        return (
            null_rate <= self.max_null_rate and reject_rate <= self.max_reject_rate and conflicts <= self.max_conflicts
        )


#: The same numbers as the workflow's gates have; a test keeps both equal.
GATES = GateLimits()
#: How far a week's rows may be from the median of the six weeks before, as a share.
USUAL_CHANGE = 0.30
#: How much a revision may change a week's shares, as a share.
USUAL_REVISION = 0.05
