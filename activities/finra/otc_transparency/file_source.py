"""Weekly files: one file, or a folder of them."""

from datetime import date, timedelta
from pathlib import Path

from activities.finra.data_roots import confined, open_confined
from activities.finra.otc_transparency.archives import not_found, unpacked
from activities.finra.otc_transparency.week import Tier, bad_param
from domains.finra.publication import publication_monday

_PARAM = "file_path"


def read_file(given: str, tier: Tier, week_ending: date | None) -> tuple[Path, bytes]:
    """Return the file's path and unpacked bytes; in a folder, the file of this tier's publication week."""
    try:
        path = Path(given).expanduser()
        if confined(given, _PARAM).is_dir():
            path = _in_folder(path, tier, week_ending)
        with open_confined(str(path), _PARAM) as file:
            return path, unpacked(str(path), file)
    except (OSError, ValueError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise not_found(f"{given}: {reason}; check {_PARAM}") from None


def _in_folder(folder: Path, tier: Tier, week_ending: date | None) -> Path:
    if week_ending is None:
        raise bad_param(f"week_ending is missing: the folder {folder} may hold many weeks")
    monday = publication_monday(week_ending, tier.name)
    days = [monday + timedelta(days=offset) for offset in range(5)]
    for day in days:
        for ending in ("", ".gz", ".zip"):
            path = folder / f"finra_otc_weekly_{tier.file_token}_{day:%Y%m%d}.csv{ending}"
            if path.is_file():
                return path
    raise not_found(
        f"{folder}: the folder has no finra_otc_weekly_{tier.file_token}_{monday:%Y%m%d}.csv, the file in which "
        f"{tier.name} of week ending {week_ending} is published; name the file itself, or put it there"
    )
