"""The recipe inside an XMP packet, for formats without text chunks of their own."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

NAMESPACE: Final = "urn:redraw-studio:recipe/1.0/"
_LARGEST: Final = 32 * 1024 * 1024
_COMPRESS_FROM: Final = 8192
_OURS: Final = re.compile(
    rb'\s*<rdf:Description [^>]*xmlns:redraw="urn:redraw-studio:recipe/[^"]*"[^>]*>.*?</rdf:Description>', re.DOTALL
)
_RECIPE: Final = re.compile(
    rb"""<redraw:(recipe|packed)\s*>(.*?)</redraw:|redraw:(recipe|packed)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.DOTALL
)
_ORIENTATION: Final = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>\s*))[2-8]""")
_END: Final = b"</rdf:RDF>"
_EMPTY: Final = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + _END + b'</x:xmpmeta><?xpacket end="w"?>'
)


def with_recipe(xmp: bytes | None, recipe: Mapping[str, Any]) -> bytes:
    """Return the packet with this recipe in place of any it had; without a packet, a new one."""
    packet = without_recipe(xmp) if xmp else _EMPTY
    if packet.count(_END) != 1:
        packet = _EMPTY
    text = json.dumps(recipe, separators=(",", ":"))  # ASCII, so that nothing in it is forbidden in XML
    tag, value = ("recipe", html.escape(text, quote=False))
    if len(text) >= _COMPRESS_FROM:
        tag, value = ("packed", base64.b64encode(zlib.compress(text.encode(), 9)).decode())
    ours = (
        f'<rdf:Description rdf:about="" xmlns:redraw="{NAMESPACE}"><redraw:{tag}>{value}</redraw:{tag}>'
        "</rdf:Description>"
    )
    return packet.replace(_END, ours.encode() + _END)


def without_recipe(xmp: bytes) -> bytes:
    """Return the packet without our recipe."""
    return _OURS.sub(b"", xmp)


def upright(xmp: bytes) -> bytes:
    """Return the packet with its orientation, if it names one, set to "as it is"."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def read_recipe(xmp: bytes | None) -> dict[str, Any] | None:
    """Return the recipe in the packet, None if there is none or it is damaged."""
    match = _RECIPE.search(xmp or b"")
    if match is None:
        return None
    value = next(v for v in match.group(2, 4, 5) if v is not None)
    text: str | None = html.unescape(value.decode("utf-8", "replace"))
    if b"packed" in (match[1], match[3]):
        text = _unpack(value)
    return parse_recipe(text)


def parse_recipe(text: str | None) -> dict[str, Any] | None:
    """Return the JSON object in `text`, None if it is anything else."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unpack(value: bytes) -> str | None:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(base64.b64decode(value), _LARGEST)
    except (zlib.error, binascii.Error):
        return None
    return data.decode("utf-8", "replace") if inflater.eof else None
