"""Raw lines into Postgres: by COPY, in blocks, as they stand in the file."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from activities.finra.otc_transparency.parse import BAD_ENCODING, ParsedFile

#: Lines of one block; a heartbeat follows each.
BLOCK = 5_000

_COPY = """
    COPY finra_otc_line (capture_id, line_no, tier_description, issue_symbol_identifier, issue_name,
        market_participant_name, mpid, total_weekly_share_quantity, total_weekly_trade_count, last_update_date)
    FROM STDIN (FORMAT text, DELIMITER '|', ENCODING 'UTF8')
"""

_BAD = text("""
    INSERT INTO finra_otc_line (capture_id, line_no, unsplit, unsplit_hash)
    SELECT :capture_id, * FROM unnest(CAST(:numbers AS int[]), CAST(:lines AS text[]), CAST(:hashes AS text[]))
""")

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


def write_raw(connection: Connection, parsed: ParsedFile, capture_id: str, heartbeat: Callable[..., None]) -> None:
    """Write the lines, and a reject for each that does not split."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(_COPY) as copy:
        for done, block in _blocks(parsed, capture_id.encode()):
            copy.write(block)
            heartbeat("lines", done)
    if parsed.bad:
        _write_bad(connection, parsed, capture_id)


def _blocks(parsed: ParsedFile, capture_id: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield COPY's rows of the lines that split, with how many lines of the file they go to."""
    row = (capture_id + b"|%d|%s\n").__mod__
    for start in range(0, len(parsed.lines), BLOCK):
        end = min(start + BLOCK, len(parsed.lines))
        numbered = list(zip(parsed.numbers[start:end], parsed.lines[start:end], strict=True))
        for position in sorted(parsed.bad.keys() & range(start, end), reverse=True):
            del numbered[position - start]
        block = b"".join(map(row, numbered))
        if b"\\" in block or b"\r" in block:
            block = b"".join(row((number, _escaped(line))) for number, line in numbered)
        yield end, block


def _escaped(line: bytes) -> bytes:
    """COPY's text format takes a backslash for an escape and a carriage return for a line's end."""
    return line.replace(b"\\", rb"\\").replace(b"\r", rb"\r")


def _write_bad(connection: Connection, parsed: ParsedFile, capture_id: str) -> None:
    numbers = [parsed.numbers[position] for position in parsed.bad]
    lines = [parsed.lines[position] for position in parsed.bad]
    texts = [_text(line, reason) for line, reason in zip(lines, parsed.bad.values(), strict=True)]
    hashes = [hashlib.sha256(line).hexdigest() for line in lines]
    values = {"capture_id": capture_id, "numbers": numbers, "lines": texts, "hashes": hashes}
    connection.execute(_BAD, values)
    connection.execute(_REJECT, values | {"reasons": list(parsed.bad.values())})


def _text(line: bytes, reason: str) -> str:
    if reason == BAD_ENCODING:
        return line.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    return line.decode()
