"""Raw lines into Postgres: by COPY, in blocks, as they stand in the file."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from activities.finra.otc_transparency.parse import BAD_ENCODING, ParsedFile

#: Lines of one block; a heartbeat follows each.
BLOCK = 5_000

_COPY = """
    COPY finra_otc_raw (capture_id, execution_id, week_ending, tier, line_no, tier_description,
        issue_symbol_identifier, issue_name, market_participant_name, mpid, total_weekly_share_quantity,
        total_weekly_trade_count, last_update_date, raw_line, record_hash)
    FROM STDIN (FORMAT text, DELIMITER '|', ENCODING 'UTF8')
"""

_REJECT = text("""
    INSERT INTO finra_otc_reject
        (capture_id, execution_id, week_ending, tier, line_no, stage, reason_code, reason_codes, detail, raw_line)
    SELECT capture_id, execution_id, week_ending, tier, line_no, 'ingest', reason, ARRAY[reason],
        CASE reason WHEN 'BAD_ENCODING' THEN 'not UTF-8 text'
            ELSE length(raw_line) - length(replace(raw_line, '|', '')) + 1 || ' fields, not 8' END,
        raw_line
    FROM finra_otc_raw
    JOIN unnest(CAST(:numbers AS int[]), CAST(:reasons AS text[])) AS bad (line_no, reason) USING (line_no)
    WHERE capture_id = :capture_id
""")

_NULLS = b"|".join([rb"\N"] * 8)


def write_raw(
    connection: Connection, parsed: ParsedFile, head: tuple[str, ...], heartbeat: Callable[..., None]
) -> None:
    """Write the lines, and a reject for each that does not split. ``head``: capture, execution, week, tier."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(_COPY) as copy:
        for done, block in _blocks(parsed, "|".join(head).encode()):
            copy.write(block)
            heartbeat("lines", done)
    if parsed.bad:
        connection.execute(
            _REJECT,
            {
                "capture_id": head[0],
                "numbers": [parsed.numbers[position] for position in parsed.bad],
                "reasons": list(parsed.bad.values()),
            },
        )


def _blocks(parsed: ParsedFile, head: bytes) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(parsed.lines), BLOCK):
        end = min(start + BLOCK, len(parsed.lines))
        rows = (_row(parsed, position, head) for position in range(start, end))
        yield end, b"\n".join(rows) + b"\n"


def _row(parsed: ParsedFile, position: int, head: bytes) -> bytes:
    line = parsed.lines[position]
    digest = hashlib.sha256(line).hexdigest().encode()
    if position in parsed.bad:
        if parsed.bad[position] == BAD_ENCODING:
            line = line.decode("utf-8", "backslashreplace").replace("\x00", "\\x00").encode()
        fields = _NULLS
        line = _escaped(line)
    else:
        fields = line = _escaped(line)
    whole = line.replace(b"|", rb"\|")
    return b"%s|%d|%s|%s|%s" % (head, parsed.numbers[position], fields, whole, digest)


def _escaped(line: bytes) -> bytes:
    """COPY's text format takes a backslash for an escape and a carriage return for a line's end."""
    if b"\\" in line:
        line = line.replace(b"\\", rb"\\")
    return line.replace(b"\r", rb"\r") if b"\r" in line else line
