"""Files in FINRA's weekly format with a realistic shape: for demos, tests and benchmarks."""

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from activities.finra.otc_transparency.parse import COLUMNS
from activities.finra.otc_transparency.week import Tier
from domains.finra.publication import publication_monday

#: Venue, name, and how often a symbol trades there.
_OTC_VENUES = (
    ("OTCN", "OTCN OTC LINK NQB IDQS", 0.72),
    ("OTCX", "OTCX OTC LINK ECN ATS", 0.56),
    ("ARCA", "ARCA GLOBAL OTC", 0.3),
    ("PPEX", "PPEX NORTH CAPITAL PRIVATE SECURITIES CORPORATION", 0.1),
    ("VIAT", "VIAT VARIABLE INVESTMENT ADVISORS, INC.", 0.002),
    ("ALTS", "ALTS LODAS SECURITIES ALTERNATIVE TRADING SYSTEM", 0.002),
    ("PROS", "PROS TZERO SECURITIES LLC", 0.001),
    ("SMKT", "SMKT SECURITIZE MARKETS ATS", 0.0005),
    ("SWCL", "SWCL INX SECURITIES, LLC", 0.0005),
    ("STEN", "STEN STARTENGINE SECONDARY", 0.0005),
)
_NMS_VENUES = (
    ("UBSA", "UBSA UBS ATS", 0.9),
    ("INCR", "INCR INTELLIGENT CROSS LLC", 0.85),
    ("JPMX", "JPMX JPM-X", 0.8),
    ("SGMT", "SGMT SIGMA X2", 0.78),
    ("EBXL", "EBXL LEVEL ATS", 0.75),
    ("MSPL", "MSPL MS POOL (ATS-4)", 0.72),
    ("KCGM", "KCGM VIRTU MATCHIT ATS", 0.6),
    ("BIDS", "BIDS BIDS ATS", 0.55),
    ("CROS", "CROS CROSSFINDER", 0.5),
    ("ITGP", "ITGP POSIT", 0.4),
    ("LTAA", "LTAA BARCLAYS ATS", 0.4),
    ("MLIX", "MLIX INSTINCT X", 0.35),
    ("PJCX", "PJCX ONECHRONOS", 0.3),
    ("CXCX", "CXCX CITI-ONE CROSS", 0.2),
    ("PURE", "PURE PURESTREAM", 0.15),
    ("LQNA", "LQNA LIQUIDNET H2O", 0.1),
)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: One line in this many is dirty, so that the gates' limits are far.
_DIRTY_EVERY = 1500
#: What is wrong with it, in turn: column and value.
_DIRT = ((1, ""), (5, "n/a"), (6, ""), (7, "2025-02-30"))


def write_sample(path: Path, tier: Tier, week_ending: date, rows: int, seed: int = 1) -> int:
    """Write ``rows`` data lines, the same bytes for the same arguments; return how many there are."""
    draw = random.Random(f"{tier.name}/{week_ending}/{seed}")  # noqa: S311 - sample data
    updated = publication_monday(week_ending, tier.name).isoformat()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("|".join(COLUMNS) + "\n")
        pending: list[str] = []
        for count, line in enumerate(_lines(draw, tier, updated, rows), 1):
            pending.append(line)
            if count % 50_000 == 0:
                file.write("\n".join(pending) + "\n")
                pending.clear()
        if pending:
            file.write("\n".join(pending) + "\n")
    return rows


def _lines(draw: random.Random, tier: Tier, updated: str, rows: int) -> Iterator[str]:
    written = 0
    for number, symbol in enumerate(_symbols(draw, tier)):
        # Volumes fall off as a power of the rank, with a wide spread: few names have most of the shares.
        scale = 3e7 / (1 + number % 5000) ** 0.9
        name = f"{symbol.title()} Holdings Inc. Common Stock"
        for mpid, venue in _venues(draw, tier):
            shares = max(1, int(scale * draw.lognormvariate(0, 2)))
            trades = max(1, min(shares, int(shares / draw.uniform(80, 4000))))
            quantity = f"{shares}.{draw.randrange(1, 10**6):06d}" if draw.random() < 0.01 else str(shares)
            fields = [tier.description, symbol, name, venue, mpid, quantity, str(trades), updated]
            written += 1
            if written % _DIRTY_EVERY == 0:
                column, value = _DIRT[written // _DIRTY_EVERY % len(_DIRT) - 1]
                fields[column] = value
            yield "|".join(fields)
            if written == rows:
                return


def _venues(draw: random.Random, tier: Tier) -> list[tuple[str, str]]:
    known = _OTC_VENUES if tier.name == "OTC" else _NMS_VENUES
    chosen = [(mpid, name) for mpid, name, share in known if draw.random() < share]
    return chosen or [known[0][:2]]


def _symbols(draw: random.Random, tier: Tier) -> Iterator[str]:
    """Yield distinct symbols in order: five letters for OTC; for NMS also classes (.B), units and preferreds (pD)."""
    number = 0
    while True:
        base = _letters(number)
        suffix = ""
        if tier.name == "OTC":
            suffix = "F" if draw.random() < 0.25 else ""
        elif draw.random() < 0.06:
            suffix = draw.choice((".A", ".B", ".WS", ".U", "pA", "pD"))
        yield base + suffix
        number += 1


def _letters(number: int) -> str:
    """Return four letters or more, a different word for every number."""
    text = ""
    number += 26**3
    while number:
        number, index = divmod(number, 26)
        text = _LETTERS[index] + text
    return text
