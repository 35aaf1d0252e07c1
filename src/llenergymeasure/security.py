"""Names that may reach the disk, and texts that may reach a reader."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from llenergymeasure.exceptions import ConfigError

HIDDEN = "***"
# Windows refuses these as file names, whatever their ending.
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/\s:@]*:?[^/\s@]*@")
_TOKENS = re.compile(r"\b(hf_|sk-|ghp_|gho_|github_pat_|glpat-)[A-Za-z0-9_-]{8,}")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[^\s\"']+")
# Shorter values of secret variables would blacken ordinary words.
_SHORTEST_SECRET = 6


def sanitise_name(text: str, max_bytes: int = 100) -> str:
    """One safe path component: ASCII letters, digits, `.`, `_` and `-`; never empty, hidden, reserved or too long.

    Args:
        text: anything.
        max_bytes: longest result, at least 16; what is cut is told apart by a hash of the whole.
    """
    plain = unicodedata.normalize("NFKC", text)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    name = re.sub(r"\.{2,}", ".", name).lstrip(".-").rstrip(".-")
    if name.split(".")[0].lower() in _RESERVED:
        name = f"_{name}"
    if not name:
        name = f"unnamed-{_digest(text)}"
    if len(name) > max_bytes:
        name = f"{name[: max_bytes - 9].rstrip('.-')}-{_digest(text)}"
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def within(base: Path, child: Path) -> Path:
    """The child, if it lies below the base once links are followed.

    Raises:
        ConfigError: it does not.
    """
    if not child.resolve().is_relative_to(base.resolve()):
        raise ConfigError(f"{child} lies outside {base}; choose a name without '..' and links")
    return child


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The text with secrets blackened: values of secret environment variables, passwords in URLs, known tokens."""
    for name, value in environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name):
            text = text.replace(value, HIDDEN)
    text = _IN_URL.sub(f"{HIDDEN}@", text)
    return _BEARER.sub(rf"\1{HIDDEN}", _TOKENS.sub(HIDDEN, text))
