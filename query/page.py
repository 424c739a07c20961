"""The page at `/`: what can be read here. It loads nothing from elsewhere."""

from functools import cache
from html import escape

from query.routes import ROUTES

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}"
)
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sluice read API</title><style>{style}</style></head>
<body>
<main>
<h1>Sluice read API</h1>
<p>Every route takes a read key: <code>Authorization: Bearer &lt;key&gt;</code>.
Described in full by <a href="/openapi.json">openapi.json</a>.</p>
<table><tbody>{rows}</tbody></table>
<p>Of this service itself: <a href="/healthz">healthz</a>, <a href="/readyz">readyz</a>, <a href="/metrics">metrics</a>.</p>
</main>
</body>
</html>
"""


@cache
def start_page() -> bytes:
    """Return the page."""
    rows = "".join(f"<tr><td><code>GET {escape(route.path)}</code></td><td>{escape(route.summary)}</td></tr>" for route in ROUTES)
    return _PAGE.format(style=_STYLE, rows=rows).encode()
