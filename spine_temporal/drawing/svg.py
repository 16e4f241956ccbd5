"""An SVG that stands by itself: nothing of others is loaded; legible on light and on dark; with title and text."""

import zlib
from collections.abc import Iterable, Mapping
from html import escape

from spine_temporal.drawing.styles import BLUE, GREEN, GREY, RED, TEAL, VIOLET, YELLOW, Tint

_TINTS = {"blue": BLUE, "green": GREEN, "grey": GREY, "red": RED, "teal": TEAL, "violet": VIOLET, "yellow": YELLOW}
_CLASSES = {tint: name for name, tint in _TINTS.items()}
#: Around everything.
MARGIN = 28
_FONT = 'ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace'
#: Page, text, faint text, lines, and a line's rest, on light and on dark.
_LIGHT = ("#ffffff", "#1c2128", "#5b6472", "#8a94a3", "#e4e8ee")
_DARK = ("#0d1117", "#e6edf3", "#9aa5b4", "#6e7a8a", "#2b323c")


def tint_class(tint: Tint) -> str:
    """Return the class of what has these colours."""
    return f"t-{_CLASSES[tint]}"


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """Return a line of text; ``kind``: name, say, faint or head."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}" class="{kind}"{where}>{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str, radius: float = 8) -> str:
    """Return a box with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{min(radius, width / 2):g}" '
        f'class="{kind}"/>'
    )


def path(way: str, kind: str) -> str:
    """Return a line of any form."""
    return f'<path d="{way}" class="{kind}"/>'


def diamond(x: float, y: float, size: float, kind: str) -> str:
    """Return a square that stands on its tip, around its middle."""
    return path(f"M{x - size:g} {y:g}L{x:g} {y - size:g}L{x + size:g} {y:g}L{x:g} {y + size:g}Z", kind)


def group(parts: Iterable[str], kind: str = "", title: str = "") -> str:
    """Return parts that belong together; the title is what a pointer over them shows."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return "\n".join([f'<g class="{kind}">{told}' if kind else f"<g>{told}", *parts, "</g>"])


def document(body: Iterable[str], *, width: int, height: int, title: str, description: str) -> str:
    """Return the whole file."""
    name = f"p{zlib.crc32(f'{title}{description}'.encode()):08x}"
    whole_width, whole_height = width + 2 * MARGIN, height + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole_width}" height="{whole_height}" '
            f'viewBox="0 0 {whole_width} {whole_height}" role="img" aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escape(title)}</title>',
            f'<desc id="{name}-desc">{escape(description)}</desc>',
            f"<style>{_style()}</style>",
            '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><path d="M0 0V6" class="hatch"/></pattern></defs>',
            rect(0.5, 0.5, whole_width - 1, whole_height - 1, "page", 12),
            f'<g transform="translate({MARGIN} {MARGIN})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _style() -> str:
    lines = [
        f"text {{ font-family: {_FONT}; white-space: pre; }}",
        ".head { font-size: 16px; font-weight: 700; } .name { font-size: 14px; font-weight: 600; }",
        ".say, .faint { font-size: 12px; } .small { font-size: 11px; }",
        ".line, .way { fill: none; stroke-width: 1.5; } .dashed { stroke-dasharray: 5 4; }",
        ".box { stroke-width: 1.25; } .open { fill: none; } .mark { stroke: none; }",
        ".hatch { fill: none; stroke-width: 2.5; } .quiet { opacity: 0.75; } .page { stroke-width: 1; }",
        *_colours(_LIGHT, {name: (tint.line, tint.fill) for name, tint in _TINTS.items()}),
        "@media (prefers-color-scheme: dark) {",
        *_colours(_DARK, {name: (tint.dark_line, tint.dark_fill) for name, tint in _TINTS.items()}),
        "}",
    ]
    return "\n".join(["", *lines, ""])


def _colours(plain: tuple[str, ...], tints: Mapping[str, tuple[str, str]]) -> list[str]:
    page, ink, faint, line, rest = plain
    return [
        f".page {{ fill: {page}; stroke: {rest}; }}",
        f".head, .name {{ fill: {ink}; }} .say {{ fill: {ink}; }} .faint, .small {{ fill: {faint}; }}",
        f".line {{ stroke: {line}; }} .way {{ stroke: {rest}; }} .tip {{ fill: {line}; }}",
        f".frame {{ fill: none; stroke: {line}; }} .hatch {{ stroke: {page}; }}",
        *(
            f".t-{name} .box {{ fill: {fill}; stroke: {line}; }} .t-{name} .open {{ fill: none; }} "
            f".t-{name} .mark {{ fill: {line}; }} .t-{name} .told {{ fill: {line}; font-size: 12px; }}"
            for name, (line, fill) in tints.items()
        ),
        f"g .box.held {{ fill: {tints['violet'][1]}; stroke: {tints['violet'][0]}; }}",
    ]
