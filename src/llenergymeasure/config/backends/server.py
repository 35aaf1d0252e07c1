"""The section `server`: any server that speaks the HTTP interface of OpenAI, already running or started by this package."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from llenergymeasure.config.backends.server_checks import check_gpus, check_launch, check_url, check_variable
from llenergymeasure.config.base import ConfigModel, ContradictionError, Flag, Integer, Number, effective

ServerAPI = Literal["completions", "chat"]
ServerEnergy = Literal["local", "none"]
# A value of `arguments`, and a part of `launch`: a number may stand without quotes.
Scalar = str | Integer | Annotated[float, Field(strict=True)]

# Names in the body of a request that this package sets itself, with those of declared fields.
CALL_NAMES = frozenset(
    {
        "prompt", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "min_tokens", "seed",
        "ignore_eos", "repeat_penalty", "timings_per_token", "n", "best_of", "echo",
    }
)  # fmt: skip

# Why the energy of a server is not measured.
ELSEWHERE = "server.energy is none: the server is on another machine"

_PLACEHOLDER = re.compile(r"\{(model|port|seed)\}")


class ServerConfig(ConfigModel):
    """Settings of the server backend."""

    url: str | None = Field(
        None,
        min_length=1,
        description="Address of a running server, such as http://127.0.0.1:8000/v1. Either this or `launch`.",
        json_schema_extra=effective("none"),
    )
    launch: tuple[Scalar, ...] | None = Field(
        None,
        min_length=1,
        description="Command that starts a server: a list of its parts. {model}, {port} and {seed} are replaced; {port} is "
        "needed. A part that begins with ./ or ../ is a path: beside the configuration file, else from the working directory. The "
        "server is ended after the run.",
        json_schema_extra=effective("none"),
    )
    arguments: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")], Flag | Scalar | None] | None = Field(
        None,
        description="Arguments that are appended to `launch`, such as {max-num-seqs: 64}; true: the name alone; false and "
        "null: left out.",
        json_schema_extra=effective("none"),
    )
    api: ServerAPI | None = Field(
        None,
        description="Interface of the server. completions: each prompt is sent as it is. chat: each prompt is sent as the message "
        "of a user, and the server applies its chat template.",
        json_schema_extra=effective("completions"),
    )
    served_model: str | None = Field(
        None,
        min_length=1,
        description="Name of the model in a request.",
        json_schema_extra=effective("`model` if the server lists it, else the only model that it lists"),
    )
    tokenizer: str | None = Field(
        None,
        min_length=1,
        description="Tokenizer that cuts prompts: a model id, or a directory.",
        json_schema_extra=effective(
            "that of `model` if it is on this machine, else that of llama.cpp or vLLM; else prompts are sent as text, uncut"
        ),
    )
    energy: ServerEnergy | None = Field(
        None,
        description="local: the server runs on this machine, and its devices are measured. none: it runs on another machine, and "
        "energy is not measured.",
        json_schema_extra=effective("local"),
    )
    gpus: tuple[Annotated[Integer, Field(ge=0)], ...] | None = Field(
        None,
        min_length=1,
        description="Numbers of the GPUs that are measured.",
        json_schema_extra=effective(
            "with `url` those that its processes use, none if they compute on the CPU, and all visible ones if this is not known; "
            "with `launch` all visible ones"
        ),
    )
    api_key_env: str | None = Field(
        None,
        min_length=1,
        description="Name of the environment variable that holds the key of the server.",
        json_schema_extra=effective("no key"),
    )
    start_timeout_seconds: Number | None = Field(
        None,
        gt=0,
        description="Longest time until a server that is started answers.",
        json_schema_extra=effective("600"),
    )
    request_timeout_seconds: Number | None = Field(
        None,
        gt=0,
        description="Longest time of one request, from sending it to its last token.",
        json_schema_extra=effective("600"),
    )

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, value: str | None) -> str | None:
        return None if value is None else check_url(value)

    @field_validator("api_key_env")
    @classmethod
    def _key_is_in_a_variable(cls, value: str | None) -> str | None:
        return None if value is None else check_variable(value)

    @field_validator("gpus")
    @classmethod
    def _gpus_differ(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if value is None else check_gpus(value)

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.url is not None and self.launch is not None:
            raise ContradictionError("url and launch exclude each other", "keep one", "url", "launch")
        if self.arguments and self.launch is None:
            raise ContradictionError("arguments has no effect without launch", "set launch, or remove it", "arguments")
        if self.launch is not None:
            check_launch(self.launch, self.arguments or {})
        if self.effective_energy == "none":
            self._elsewhere()
        return self

    def _elsewhere(self) -> None:
        """A server on another machine cannot be started here, and has no GPUs here."""
        for name in ("launch", "gpus"):
            if getattr(self, name) is not None:
                problem = f"energy 'none' states that the server is on another machine, but {name} is set"
                raise ContradictionError(problem, "remove one of them", "energy", name)

    # What None means; the descriptions state the same.

    @property
    def effective_api(self) -> ServerAPI:
        """The interface of the server that requests use."""
        return self.api or "completions"

    @property
    def effective_energy(self) -> ServerEnergy:
        """Whether the server's energy can be measured here."""
        return self.energy or "local"

    @property
    def effective_start_timeout_seconds(self) -> float:
        """Longest time until a server that is started answers."""
        return 600.0 if self.start_timeout_seconds is None else self.start_timeout_seconds

    @property
    def effective_request_timeout_seconds(self) -> float:
        """Longest time of one request."""
        return 600.0 if self.request_timeout_seconds is None else self.request_timeout_seconds

    @property
    def gpu_count(self) -> int | None:
        """Number of GPUs that are measured: 0 = none, None = known when the server runs."""
        if self.effective_energy == "none":
            return 0
        return None if self.gpus is None else len(self.gpus)

    @property
    def names_model(self) -> bool:
        """Whether the command that starts the server has the model of the configuration."""
        parts = (*(self.launch or ()), *(self.arguments or {}).values())
        return any("{model}" in str(part) for part in parts)

    def command(self, model: str, port: int | str, seed: int) -> tuple[str, ...]:
        """The command of `launch` with its arguments, placeholders replaced; empty without `launch`."""
        if self.launch is None:
            return ()
        values = {"model": model, "port": str(port), "seed": str(seed)}
        parts = (
            *self.launch,
            *(part for name, value in (self.arguments or {}).items() for part in _argument(name, value)),
        )
        return tuple(_PLACEHOLDER.sub(lambda found: values[found[1]], str(part)) for part in parts)


def _argument(name: str, value: Scalar | bool | None) -> tuple[Scalar, ...]:
    """An argument as parts of a command; a name of one letter has one dash."""
    if value is None or value is False:
        return ()
    option = f"-{name}" if len(name) == 1 else f"--{name}"
    return (option,) if value is True else (option, value)
