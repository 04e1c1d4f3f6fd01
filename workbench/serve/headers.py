"""The headers of every answer: what a page may load and who may frame it (nobody)."""

from __future__ import annotations

import re

# A Host header is put into the policy, so only what can be a host is taken from it.
_HOST = re.compile(r"^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$")


def policy(nonce: str = "", host: str = "") -> str:
    """The Content-Security-Policy of a page whose own scripts carry `nonce`; without one no script runs at all.

    `blob:` is how anywidget imports a widget's module, and JupyterLab's code makes styles at run time. Nothing comes
    from or goes to another host: `'self'` covers web sockets in today's browsers, older ones need them named.
    """
    sockets = f" ws://{host} wss://{host}" if nonce and _HOST.match(host) else ""
    scripts = f"'self' 'nonce-{nonce}' blob:" if nonce else "'none'"
    return "; ".join(
        [
            "default-src 'self'" if nonce else "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:" if nonce else "img-src data:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}" if nonce else "connect-src 'none'",
            "frame-src 'none'",
            "worker-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def common(csp: str) -> dict[str, str]:
    """The headers that every answer has; pages are kept by no cache."""
    return {
        "Content-Security-Policy": csp,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
