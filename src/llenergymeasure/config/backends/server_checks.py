"""Checks single settings of the section `server`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from llenergymeasure.config.base import FieldError
from llenergymeasure.config.checks.passthrough import looks_like_credential, option_of, variables_of

PLACEHOLDERS = ("{model}", "{port}", "{seed}")
_ANY_PLACEHOLDER = re.compile(r"\{\w+\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTERFACE = re.compile(r"(/chat)?/completions/*$|(?<=/v1)/models/*$")
_EXAMPLE = "for example http://127.0.0.1:8000/v1"


def check_url(value: str) -> str:
    """The address without a slash at its end.

    Raises:
        FieldError: it is no address of a server, or holds a credential, which the message does not show.
    """
    parts = _split(value)
    if "@" in parts.netloc or parts.query or looks_like_credential("", value):
        fix = "remove it; a key is read from the environment variable that server.api_key_env names"
        raise FieldError("the address may hold no user, password or query", fix)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or re.search(r"\s", value):
        raise FieldError(f"'{value}' is not the http or https address of a server", _EXAMPLE)
    if not value.isascii():
        raise FieldError(
            f"'{value}' has a character that is not allowed in an address", "write it percent-encoded, such as %C3%A9"
        )
    interface = _INTERFACE.search(parts.path)
    if interface is not None:
        raise FieldError(f"'{value}' is the address of one interface of a server", f"leave out {interface[0]}")
    return value.rstrip("/")


def fits_in_header(text: str) -> bool:
    """Whether it may stand in a header of HTTP: printable characters of Latin-1."""
    return all(" " <= each <= "\xff" and each != "\x7f" for each in text)


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port that is no number
        (parts.hostname or "").encode("idna")  # an empty part of a name, or one that is too long
    except ValueError as error:
        raise FieldError(f"the address is not valid: {error}", _EXAMPLE) from None
    return parts


def check_variable(value: str) -> str:
    """The name of an environment variable.

    Raises:
        FieldError: it is no such name. The message does not show it, because it may be the key itself.
    """
    if not _VARIABLE.fullmatch(value) or looks_like_credential("", value):
        raise FieldError(
            "this is not the name of an environment variable",
            "put the key into a variable such as SERVER_API_KEY, and write that name",
        )
    return value


def check_gpus(value: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers of GPUs.

    Raises:
        FieldError: one is listed twice.
    """
    twice = next((number for number in value if value.count(number) > 1), None)
    if twice is not None:
        raise FieldError(f"GPU {twice} is listed twice", "keep one")
    return value


def check_launch(launch: tuple[Any, ...], arguments: Mapping[str, Any]) -> None:
    """Refuse a command that could not be started, or that holds a credential.

    Raises:
        FieldError: it names no program, the port is not passed, a placeholder is unknown, or a part looks like a credential.
    """
    if not str(launch[0]).strip():
        raise FieldError(
            "the first part of launch, the program, is empty", 'write [vllm, serve, "{model}", ...]', "launch"
        )
    texts = [*(("launch", str(part)) for part in launch), *(("arguments", str(part)) for part in arguments.values())]
    for field, text in texts:
        unknown = next((found for found in _ANY_PLACEHOLDER.findall(text) if found not in PLACEHOLDERS), None)
        if unknown is not None:
            raise FieldError(f"{unknown} in {field} is no placeholder", f"valid: {', '.join(PLACEHOLDERS)}", field)
    if not any("{port}" in text for _, text in texts):
        raise FieldError(
            "{port} is missing in launch", 'pass the port to the server: [..., --port, "{port}"]', "launch"
        )
    _refuse_credentials("launch", _options(launch))
    _refuse_credentials("arguments", arguments.items())


def _options(launch: tuple[Any, ...]) -> Iterable[tuple[str, Any]]:
    """Each part of a command as name and value: `--api-key`, `--api-key=value`, `value`, and variables as for `env`."""
    for part in map(str, launch):
        name = option_of(part)
        yield (name, part.partition("=")[2]) if name else ("", part)
        yield from variables_of(part)


def _refuse_credentials(field: str, options: Iterable[tuple[str, Any]]) -> None:
    for name, value in options:
        if looks_like_credential(name, value):
            shown = f"'{name}'" if looks_like_credential(name) else "a part"
            raise FieldError(
                f"{field} may not hold {shown}: it looks like a credential and would be written into results",
                "set it in the environment, which the server inherits",
                field,
            )
