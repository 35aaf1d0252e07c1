"""Which models generate text token by token, by their config.json alone."""

from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.model.causal import causal_findings
from llenergymeasure.orchestration.model.model_types import ModelTypes, installed_model_types, model_types_in
from llenergymeasure.orchestration.model.required_files import ModelFiles

TYPES = ModelTypes(
    causal={
        "llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel", "bert": "BertLMHeadModel", "bart": "BartForCausalLM",
        "whisper": "WhisperForCausalLM", "gemma3": "Gemma3ForConditionalGeneration", "gemma3_text": "Gemma3ForCausalLM",
        "xlm": "XLMWithLMHeadModel", "ears": "EarsForConditionalGeneration",
    },
    masked={"bert": "BertForMaskedLM", "bart": "BartForConditionalGeneration", "xlm": "XLMWithLMHeadModel"},
    encoder_decoders={
        "bart": "BartForConditionalGeneration", "t5": "T5ForConditionalGeneration",
        "whisper": "WhisperForConditionalGeneration", "ears": "EarsForConditionalGeneration",
    },
)  # fmt: skip
OWN_CODE = {"AutoConfig": "configuration.Config", "AutoModelForCausalLM": "modeling.Model"}


def found(
    architecture: str | None, types: ModelTypes | None = TYPES, own_code: bool = False, **config: Any
) -> list[Finding]:
    architectures = {} if architecture is None else {"architectures": [architecture]}
    model = ModelFiles("model", "org/m", {**architectures, **config}, None, own_code)
    return list(causal_findings(model, types))


@pytest.mark.parametrize("types", [TYPES, None])
@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("LlamaForCausalLM", {"model_type": "llama"}),
        ("LlamaModel", {"model_type": "llama"}),
        (None, {"model_type": "llama"}),
        ("GPT2LMHeadModel", {"model_type": "gpt2"}),
        ("Gemma3ForConditionalGeneration", {"model_type": "gemma3"}),
        ("Gemma3ForCausalLM", {"model_type": "gemma3_text", "use_bidirectional_attention": False}),
        ("Gemma3ForCausalLM", {"model_type": "gemma3_text", "use_bidirectional_attention": "vision"}),
        ("EarsForConditionalGeneration", {"model_type": "ears"}),
        ("BertLMHeadModel", {"model_type": "bert", "is_decoder": True}),
        ("BartForCausalLM", {"model_type": "bart", "is_encoder_decoder": True}),
        ("XLMWithLMHeadModel", {"model_type": "xlm", "causal": True}),
    ],
)
def test_a_causal_language_model_is_fine(
    architecture: str | None, config: dict[str, Any], types: ModelTypes | None
) -> None:
    assert found(architecture, types, **config) == []


@pytest.mark.parametrize(
    ("architecture", "config", "reason"),
    [
        ("T5ForConditionalGeneration", {"model_type": "t5", "is_encoder_decoder": True}, "encoder-decoder (T5For"),
        (
            "BartForConditionalGeneration",
            {"model_type": "bart", "is_encoder_decoder": True},
            "encoder-decoder (BartFor",
        ),
        ("BartForConditionalGeneration", {"model_type": "bart"}, "encoder-decoder (BartFor"),
        ("BartModel", {"model_type": "bart"}, "encoder-decoder (BartModel"),
        (None, {"model_type": "bart"}, "encoder-decoder (bart)"),
        ("WhisperForConditionalGeneration", {"model_type": "whisper"}, "encoder-decoder (WhisperFor"),
        ("VisionEncoderDecoderModel", {"model_type": "x", "is_encoder_decoder": True}, "encoder-decoder (VisionEnc"),
        ("BertForMaskedLM", {"model_type": "bert"}, "another task (BertForMaskedLM)"),
        ("BertForPreTraining", {"model_type": "bert", "is_decoder": True}, "another task (BertForPreTraining)"),
        ("LlamaForSequenceClassification", {"model_type": "llama"}, "another task (LlamaForSequenceClassification)"),
        ("ViTForImageClassification", {"model_type": "vit"}, "another task (ViTForImageClassification)"),
        ("BertModel", {"model_type": "bert"}, "an encoder (BertModel)"),
        (None, {"model_type": "bert"}, "an encoder (bert)"),
        ("XLMWithLMHeadModel", {"model_type": "xlm", "is_decoder": True}, "an encoder (XLMWith"),
        (
            "Gemma3TextModel",
            {"model_type": "gemma3_text", "use_bidirectional_attention": True},
            "an encoder (Gemma3Text",
        ),
        ("CLIPModel", {"model_type": "clip"}, "of type 'clip', which the installed transformers does not load"),
        ("T5EncoderModel", {"model_type": "t5", "is_encoder_decoder": False}, "of type 't5', which the installed"),
        ("LlamaForCausalLM", {}, "no model_type"),
        ("LlamaForCausalLM", {"model_type": 7}, "no model_type"),
    ],
)
def test_any_other_model_is_one_finding_with_a_fix(
    architecture: str | None, config: dict[str, Any], reason: str
) -> None:
    (finding,) = found(architecture, **config)
    assert finding.problem.startswith("model 'org/m' ")
    assert reason in finding.problem
    assert "name a causal language model" in finding.fix


@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("T5ForConditionalGeneration", {"model_type": "t5", "is_encoder_decoder": True}),
        ("BertForMaskedLM", {"model_type": "bert"}),
        ("LlamaForTokenClassification", {"model_type": "llama"}),
    ],
)
def test_the_configuration_alone_decides_where_transformers_is_missing(
    architecture: str, config: dict[str, Any]
) -> None:
    assert len(found(architecture, types=None, **config)) == 1


def test_a_model_with_code_of_its_own_is_run_when_that_is_allowed() -> None:
    assert found("NewForSeq2SeqLM", own_code=True, model_type="brand_new", auto_map=OWN_CODE) == []
    (finding,) = found("NewForCausalLM", model_type="brand_new", auto_map=OWN_CODE)
    assert "comes with its own code" in finding.problem
    assert "pytorch.trust_remote_code: true" in finding.fix


def test_code_of_its_own_is_not_asked_for_where_transformers_has_the_model() -> None:
    assert found("LlamaForCausalLM", model_type="llama", auto_map=OWN_CODE) == []


@pytest.mark.parametrize("architectures", [[], "LlamaForCausalLM", [7], None, {}])
def test_a_damaged_list_of_architectures_is_passed_over(architectures: Any) -> None:
    config = {"architectures": architectures, "model_type": "llama", "auto_map": 5}
    assert list(causal_findings(ModelFiles("model", "org/m", config, None), TYPES)) == []


@pytest.mark.parametrize("source", ["", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict(\n    [f()\n    ]\n)"])
def test_tables_in_another_form_are_not_known(source: str) -> None:
    assert model_types_in(source) is None


@pytest.mark.torch
def test_the_tables_are_those_of_transformers() -> None:
    auto = pytest.importorskip("transformers.models.auto.modeling_auto")
    types = installed_model_types()
    assert types is not None
    assert types.causal == dict(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert types.masked == dict(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    speech, text = auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES, auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    assert types.encoder_decoders == {**text, **speech}


@pytest.mark.torch
def test_every_class_of_transformers_table_passes() -> None:
    types = installed_model_types()
    assert types is not None
    ahead = {kind for kind in types.masked if kind not in types.encoder_decoders}
    refused = [
        kind
        for kind, architecture in types.causal.items()
        if kind not in ahead and found(architecture, types, model_type=kind)
    ]
    assert refused == []
