"""A small page of its own: one file, no script, no request to anywhere."""

from __future__ import annotations

from html import escape

from dbwright.plaintext import clean


def harmless(text: str) -> str:
    """Text from outside as it may stand in a page."""
    return escape(clean(text))


def page(title: str, body: str) -> str:
    """``title`` is text, ``body`` markup."""
    style = (
        ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem}"
        "pre{overflow:auto;font-size:13px;line-height:1.45}svg{width:100%;height:auto}h2{margin-top:2rem;font-size:1.2rem}"
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{harmless(title)}</title><style>{style}</style><h1>{harmless(title)}</h1>{body}</html>\n"
    )
