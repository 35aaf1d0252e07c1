"""Makes names safe for the file system, and removes secrets from texts."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import chain
from urllib.parse import quote

HIDDEN = "***"
# Windows refuses these as file names, with any suffix.
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_COMBINING = re.compile(r"[\u0300-\u036f]+")
# The end of a name decides: HF_TOKEN is a secret, MAX_TOKENS and TOKENIZERS_PARALLELISM are not; PWD is a directory.
_SECRET_NAME = re.compile(
    r"(?i)(TOKEN|KEY|JWT|CREDENTIALS?|_(PASS|PWD|PAT|AUTH))_?\d*$|SECRET|PASSWORD|PASSWD|PASSPHRASE"
)
# Up to the last @, because an @ in a password is often not encoded.
_IN_URL = re.compile(r"(?<=://)[^/\s\"'<>]*@")
_IN_QUERY = re.compile(
    r"(?i)([?&][\w.-]{0,40}(?:token|key|secret|password|signature|sig|credential|auth)[\w.-]{0,40}=)[^&\s\"'<>]+"
)
# A digit or a capital letter distinguishes a token hf_... from the package hf_transfer.
_TOKENS = re.compile(
    r"\b(?:hf_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}|gh[pousr]_[A-Za-z0-9]{8,}"
    r"|(?:sk-|nvapi-)(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{8,}|(?:github_pat_|glpat-)[A-Za-z0-9_-]{8,})"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+|authorization\W{1,6}basic\s+)[^\s\"']+")
# Shorter values of secret variables would also hide ordinary words.
_SHORTEST_SECRET = 6


def sanitise_name(text: str, max_bytes: int = 100) -> str:
    """One safe path component: ASCII letters, digits, `.`, `_` and `-`; never empty, hidden, reserved or too long.

    Args:
        text: any text.
        max_bytes: longest result, at least 16; a cut name ends with a hash of the whole text.
    """
    plain = _COMBINING.sub("", unicodedata.normalize("NFKD", text))
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


def redact(text: str, environ: Mapping[str, str] = os.environ, secrets: Iterable[str] = ()) -> str:
    """The text with secrets hidden: values of secret variables, credentials in URLs and headers, known tokens.

    Args:
        text: any text.
        environ: environment variables; those with names of secrets are hidden.
        secrets: further values to hide.
    """
    for value in _spellings(environ, secrets):
        text = text.replace(value, HIDDEN)
    text = _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_URL.sub(f"{HIDDEN}@", text))
    return _BEARER.sub(rf"\1{HIDDEN}", _TOKENS.sub(HIDDEN, text))


def _spellings(environ: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """Secret values in the forms that a text may contain: by line, or URL-encoded; the longest first."""
    named = (value for name, value in environ.items() if _SECRET_NAME.search(name))
    lines = {line.strip() for value in chain(named, secrets) for line in value.splitlines()}
    spellings = lines | {quote(line, safe="", errors="replace") for line in lines}
    return sorted((one for one in spellings if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)
