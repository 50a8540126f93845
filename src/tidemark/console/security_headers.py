"""What a browser may do with an answer of the console: its content security policy, and the headers beside it."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
"""Of the pages: their own scripts and styles, nothing written into the page itself, and no frame of another site."""

FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""Of a file that a run left: it is shown, never run. No script, no form, and for a drawing not even this origin."""

DOCS_POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of the data docs: the same, with their own pictures and fonts."""

DEFAULTS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer that does not set its own."""


def completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` of an answer, as ASGI has them, with those of `DEFAULTS` that it did not set."""
    present = {name.lower() for name, _ in headers}
    defaults = [(name.encode(), value.encode()) for name, value in DEFAULTS.items()]
    return [*headers, *(pair for pair in defaults if pair[0] not in present)]
