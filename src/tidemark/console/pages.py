"""The pages as text: Jinja templates with everything escaped, and the static files beside them."""

import hashlib
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tidemark.registry.names import NAMES

HERE = Path(__file__).parent
LONG_NUMBER = re.compile(r"-?\d+\.\d{4,}(e-?\d+)?")
DASH = "\N{EN DASH}"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def static() -> dict[str, tuple[bytes, str, str]]:
    """Name -> bytes, media type and digest of each static file: nothing that is not here is ever served from there."""
    files = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in MEDIA_TYPES:
            data = path.read_bytes()
            files[path.name] = data, MEDIA_TYPES[path.suffix], hashlib.sha256(data).hexdigest()[:12]
    return files


def moment(at: datetime | None) -> str:
    """`2026-01-31 12:00 UTC`; a dash where there is none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else DASH


def ago(at: datetime | None) -> str:
    """How long ago, roughly: `3 h ago`."""
    if at is None:
        return ""
    seconds = max(0.0, (datetime.now(UTC) - at).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 4 s`; a dash where there is none."""
    if seconds is None:
        return DASH
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def size(count: int) -> str:
    """`812 B`, `4.1 kB`, `12.0 MB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def thousands(value: Any) -> str:
    """`12,345`; a dash where there is none."""
    return DASH if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)


def figures(cell: str) -> str:
    """A cell of a CSV file as a preview shows it: a number of many digits by five of them, any other text as it is."""
    if len(cell) <= 8 or not LONG_NUMBER.fullmatch(cell):
        return cell
    return f"{float(cell):.5g}"


@cache
def environment() -> Environment:
    """The templates; whatever is put into them is text, never markup."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "moment": moment,
        "ago": ago,
        "duration": duration,
        "size": size,
        "thousands": thousands,
        "figures": figures,
    }
    made.globals["names"] = NAMES
    return made


def render(template: str, base: str, **shown: Any) -> str:
    """The page `template`.

    Args:
        template: a file name below `templates/`.
        base: the path that the console is mounted at, such as `/tidemark`.
        shown: what it shows.
    """

    def asset(name: str) -> str:
        return f"{base}/static/{name}?v={static()[name][2]}"

    airflow = base.removesuffix("/tidemark")
    return environment().get_template(template).render(base=base, airflow=airflow, asset=asset, **shown)


def mount(request: Request) -> str:
    """The path that the console is mounted at, as the browser sees it: `/tidemark`, or `/airflow/tidemark` behind a proxy."""
    return str(request.scope.get("root_path", ""))


def html(request: Request, template: str, code: int = 200, **shown: Any) -> HTMLResponse:
    """The page `template` as the answer to `request`, of HTTP status `code`; `shown` is what it shows."""
    return HTMLResponse(render(template, mount(request), **shown), code)
