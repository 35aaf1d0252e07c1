"""Describes every parameter from its model, for the configuration reference, CLI help and tests.

Everything is derived from `model_json_schema()` and the tables of `config.ssot`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION, BACKENDS, DECODING_SUPPORT, LORA_SUPPORT, PRECISION_SUPPORT

LENGTH = "length >="
_DEFAULT_BACKEND = ExperimentConfig.model_fields["backend"].default
# For a field with a custom validator, pydantic writes its own names (`ge`) into the schema.
_BOUNDS = {
    "minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<", "minLength": LENGTH,
    "ge": ">=", "gt": ">", "le": "<=", "lt": "<",
}  # fmt: skip

# Other settings without which a parameter has no effect.
_NEEDS: Mapping[str, Mapping[str, Any]] = {
    "pytorch.torch_compile_mode": {"pytorch.torch_compile": True},
    "pytorch.torch_compile_backend": {"pytorch.torch_compile": True},
    "pytorch.bnb_4bit_compute_dtype": {"pytorch.load_in_4bit": True},
    "pytorch.bnb_4bit_quant_type": {"pytorch.load_in_4bit": True},
    "pytorch.bnb_4bit_use_double_quant": {"pytorch.load_in_4bit": True},
    "pytorch.max_memory": {"pytorch.device_map": "auto"},
    "vllm.speculative.model": {"vllm.speculative.num_tokens": 3},
    "vllm.speculative.num_tokens": {"vllm.speculative.model": "org/draft"},
    "server.arguments": {"server.launch": ["serve", "{port}"]},
    "traffic.mode": {"traffic.rate": 2.0},
    "traffic.rate": {"traffic.mode": "constant"},
    "traffic.seed": {"traffic.mode": "poisson", "traffic.rate": 2.0},
    "decoder.num_beams": {"decoder.decoding_strategy": "beam"},
    "decoder.temperature": {"decoder.decoding_strategy": "sampling"},
    "decoder.top_p": {"decoder.decoding_strategy": "sampling"},
    "decoder.top_k": {"decoder.decoding_strategy": "sampling"},
    "decoder.speculative_decoding": {"decoder.draft_model": "org/draft"},
    "decoder.draft_model": {"decoder.speculative_decoding": True},
    "lora.merge_weights": {"lora.adapter_id": "org/adapter"},
    "dataset.input_len": {"dataset.n": 200},
    "dataset.output_len": {"dataset.n": 200},
    "dataset.seed": {"dataset.n": 200},
}
# Valid values that do not follow from the schema.
_EXAMPLES: Mapping[str, Any] = {
    "model": "org/other-model",
    "dataset": "prompts.jsonl",
    "dataset.n": 200,
    "dataset.input_len": 64,
    "passthrough_kwargs": {"guidance_scale": 1.5},
    "pytorch.device_map": "auto",
    "pytorch.max_memory": {"cpu": "8GiB"},
    "pytorch.torch_compile_backend": "eager",
    "server.url": "http://127.0.0.1:8000/v1",
    "server.launch": ["serve", "{port}"],
    "server.arguments": {"max-num-seqs": 4},
    "server.gpus": [0],
    "vllm.max_model_len": 2048,
    "vllm.max_num_batched_tokens": 4096,
    "warmup.thermal_floor_seconds": 45.0,
    "max_input_tokens": 300,
    "n": 50,
}


@dataclass(frozen=True)
class Bound:
    """A limit of a value or, with `length >=`, of the length of a text; as text such as `>= 1`."""

    sign: str
    limit: int | float

    def __str__(self) -> str:
        return f"{self.sign} {self.limit}"


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: dotted, such as `pytorch.batch_size`.
        type: its type in words, such as `integer or null`.
        default: the declared default; None for null and for a required parameter.
        required: whether it must be given.
        effective_default: what None means, in words; None when the model does not state it.
        description: the description of the model's field.
        bounds: limits such as `>= 1`.
        choices: valid values; empty when other values are valid too.
        backends: the inference backends that read it.
    """

    name: str
    type: str
    default: Any
    required: bool
    effective_default: str | None
    description: str
    bounds: tuple[Bound, ...]
    choices: tuple[Any, ...]
    backends: tuple[str, ...]

    @property
    def section(self) -> str:
        """The section that contains it; empty at the top level."""
        return self.name.rpartition(".")[0]

    @property
    def key(self) -> str:
        """Its name within its section."""
        return self.name.rpartition(".")[2]


def parameters(model: type[BaseModel] = ExperimentConfig) -> tuple[Parameter, ...]:
    """Every parameter of a configuration model and its sections, in the order of declaration."""
    schema = model.model_json_schema()
    return tuple(_walk(schema, schema.get("$defs", {}), ""))


def valid_example(parameter: Parameter) -> dict[str, Any]:
    """Dotted overrides that set the parameter to a valid value other than its default, with the settings it needs."""
    value = _EXAMPLES[parameter.name] if parameter.name in _EXAMPLES else _other_value(parameter)
    return {**_NEEDS.get(parameter.name, {}), **_backend_of(parameter), parameter.name: value}


def invalid_examples(parameter: Parameter) -> tuple[Any, ...]:
    """Values outside the parameter's bounds and choices; empty when every value of its type is valid."""
    wrong: list[Any] = ["no such choice"] if parameter.choices else []
    for bound in parameter.bounds:
        edge = float(bound.limit)
        wrong.append({">=": edge - 1, ">": edge, "<=": edge + 1, "<": edge, LENGTH: ""}[bound.sign])
    return tuple(int(value) if isinstance(value, float) and "integer" in parameter.type else value for value in wrong)


def _walk(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[Parameter]:
    required = set(schema.get("required", ()))
    for key, field in schema["properties"].items():
        name = f"{prefix}{key}"
        section = _section(field, definitions)
        if section is None or ("anyOf" in field and _open_types(field)):
            yield _parameter(name, field, key in required)
        if section is not None:
            yield from _walk(section, definitions, f"{name}.")


def _section(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The model behind a field; None for a plain value."""
    for branch in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in branch:
            found: Mapping[str, Any] = definitions[branch["$ref"].rpartition("/")[2]]
            return found
    return None


def _open_types(field: Mapping[str, Any]) -> list[str]:
    return [branch["type"] for branch in field.get("anyOf", ()) if branch.get("type", "null") != "null"]


def _parameter(name: str, field: Mapping[str, Any], required: bool) -> Parameter:
    branches = [branch for branch in field.get("anyOf", [field]) if branch.get("type") != "null"]
    facts = {key: value for branch in branches for key, value in branch.items()}
    choices = tuple(value for branch in branches for value in _choices(branch))
    return Parameter(
        name=name,
        type=_type_text(field),
        default=field.get("default"),
        required=required,
        effective_default=field.get("effective_default"),
        description=field.get("description", ""),
        bounds=tuple(Bound(sign, facts[key]) for key, sign in _BOUNDS.items() if key in facts),
        choices=choices,
        backends=_backends(name),
    )


def _choices(branch: Mapping[str, Any]) -> list[Any]:
    """Valid values of a branch; JSON schema writes a single one as `const`."""
    return [branch["const"]] if "const" in branch else list(branch.get("enum", ()))


def _type_text(field: Mapping[str, Any]) -> str:
    branches = field.get("anyOf", [field])
    names = [branch.get("type") or ("choice" if "enum" in branch else "section") for branch in branches]
    return " or ".join(dict.fromkeys(str(name) for name in names))


def _backends(name: str) -> tuple[str, ...]:
    section = name.split(".", maxsplit=1)[0]
    if section in BACKEND_OF_SECTION:
        return (BACKEND_OF_SECTION[section],)
    if section == "lora":
        return LORA_SUPPORT
    return BACKENDS


def choices_of_backend(name: str, backend: str) -> tuple[str, ...]:
    """Valid values of a parameter for one backend; empty where they do not depend on the backend."""
    tables = {"precision": PRECISION_SUPPORT, "decoder.decoding_strategy": DECODING_SUPPORT}
    return tuple(tables[name][backend]) if name in tables else ()


def _backend_of(parameter: Parameter) -> dict[str, Any]:
    """The backend that a section needs, with a precision that this backend supports, and a server."""
    backend = BACKEND_OF_SECTION.get(parameter.name.split(".")[0], _DEFAULT_BACKEND)
    if backend == _DEFAULT_BACKEND:
        return {"precision": "fp16"} if parameter.name == "backend" else {}
    needs_url = backend == "server" and parameter.name not in ("server.launch", "server.arguments")
    server = {"server.url": _EXAMPLES["server.url"]} if needs_url else {}
    return {"backend": backend, "precision": PRECISION_SUPPORT[backend][0], **server}


def _other_value(parameter: Parameter) -> Any:
    if parameter.choices:
        return _other_choice(parameter)
    if "boolean" in parameter.type:
        return not (parameter.default if parameter.default is not None else parameter.effective_default == "true")
    if "integer" in parameter.type:
        return (parameter.default or 1) + 1
    if "number" in parameter.type:
        return (parameter.default or 1.0) / 2
    return "other"


def _other_choice(parameter: Parameter) -> Any:
    usable = choices_of_backend(parameter.name, _DEFAULT_BACKEND) or parameter.choices
    defaults = (parameter.default, parameter.effective_default, _as_number(parameter.effective_default))
    return next((choice for choice in usable if choice not in defaults), usable[0])


def _as_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
