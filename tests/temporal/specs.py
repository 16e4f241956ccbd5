"""Descriptions of generated workflows by attribute name; passed through the sandbox, so that both sides see them."""

SPECS: dict[str, tuple[str, list[dict]]] = {}
