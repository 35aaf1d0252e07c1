"""What torch compiles is counted, happens in the warm-up, and is what `generate` runs."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.config.sections import WarmupConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.compilation import CompilationLog  # noqa: E402
from llenergymeasure.core.backends.pytorch.library import Transformers  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.collect.compilation import compilation_of  # noqa: E402
from llenergymeasure.core.machine.clock import SystemClock  # noqa: E402
from llenergymeasure.core.warmup import warm_up  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402
from llenergymeasure.testing import FakeClock  # noqa: E402

# Traces and guards like any other backend, and generates no code.
COMPILED = {"device": "cpu", "torch_compile": True, "torch_compile_backend": "eager"}
LIMIT = 4


@pytest.fixture(autouse=True)
def compiled_code_of_one_test_only():
    yield
    torch.compiler.reset()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=8192)
    torch.manual_seed(5)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama")).save_pretrained(folder)
    return folder


def engine_of(checkpoint, section, library=None, **fields):
    config = ExperimentConfig(
        model=str(checkpoint), precision="fp32", max_output_tokens=LIMIT, pytorch=section, **fields
    )
    return TransformersLoader(SystemClock(), library).load(config)


def prompts(*lengths):
    return [[5 + place for place in range(length)] for length in lengths]


def found_in(engine, batches):
    return compilation_of(engine.run(batches).records().batches)


def test_a_first_run_compiles_and_a_second_one_does_not(checkpoint):
    engine = engine_of(checkpoint, COMPILED)
    batches = engine.prepare(prompts(9))
    first, again = found_in(engine, batches), found_in(engine, batches)
    assert first.count > 0
    assert first.seconds > 0
    assert (again.count, again.seconds) == (0, 0)


def test_a_model_that_is_not_compiled_reports_none(checkpoint):
    engine = engine_of(checkpoint, {"device": "cpu"})
    found = found_in(engine, engine.prepare(prompts(9)))
    assert (found.count, found.seconds) == (0, 0)


@pytest.mark.parametrize(
    ("section", "lengths"),
    [
        ({}, (9, 31, 4, 17, 1)),
        ({"batch_size": 2}, (9, 31, 4, 17, 12)),
        ({"batch_size": 2, "batching_strategy": "dynamic"}, (9, 31, 4, 17, 12)),
        ({"cache_implementation": "static"}, (9, 31, 4)),
        ({"use_cache": False}, (9, 31, 4)),
    ],
    ids=["one by one", "a smaller last batch", "by length", "static cache", "no cache"],
)
def test_after_the_warm_up_nothing_is_left_to_compile(checkpoint, section, lengths):
    engine = engine_of(checkpoint, {**COMPILED, **section})
    batches = engine.prepare(prompts(*lengths))
    warmup = warm_up(WarmupConfig(n_warmup=1, max_new_tokens=2), engine, batches, SystemClock(), LIMIT)
    assert warmup.compilations > 1
    assert warmup.shapes == len({(len(batch.prompt_indices), batch.padded_length) for batch in batches})
    assert found_in(engine, batches).count == 0


class CompilesOnEveryDevice(Transformers):
    """transformers as on CUDA, where it compiles the decode step of a static cache by itself."""

    def model(self, source, **arguments):
        model, report = super().model(source, **arguments)
        model.generation_config.compile_config = transformers.CompileConfig(backend="eager", fullgraph=False, mode=None)
        model.generation_config.compile_config._compile_all_devices = True
        return model, report


def test_what_transformers_compiles_by_itself_is_compiled_in_the_warm_up_too(checkpoint):
    engine = engine_of(checkpoint, {"device": "cpu", "cache_implementation": "static"}, CompilesOnEveryDevice())
    batches = engine.prepare(prompts(9, 31, 4))
    warmup = warm_up(WarmupConfig(n_warmup=1, max_new_tokens=2), engine, batches, SystemClock(), LIMIT)
    assert warmup.compilations > 0
    assert warmup.shapes == 3
    assert found_in(engine, batches).count == 0


def test_the_compiled_model_generates_the_same(checkpoint):
    compiled, plain = engine_of(checkpoint, COMPILED), engine_of(checkpoint, {"device": "cpu"})
    ids = [engine.run(engine.prepare(prompts(9))).records().requests[0].output_ids for engine in (compiled, plain)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("merged", [False, True])
def test_a_model_with_an_adapter_is_compiled_too(checkpoint, tmp_path, merged):
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    peft.get_peft_model(model, settings).save_pretrained(tmp_path)
    engine = engine_of(checkpoint, COMPILED, lora={"adapter_path": str(tmp_path), "merge_weights": merged})
    assert found_in(engine, engine.prepare(prompts(9))).count > 0


def test_many_models_may_be_compiled_one_after_another(checkpoint):
    """torch gives up on code that it compiled eight times: what was compiled for a model must go with it."""
    for _ in range(10):
        engine = engine_of(checkpoint, COMPILED)
        found = found_in(engine, engine.prepare(prompts(9)))
        assert found.count > 0
        engine.release()


def test_a_log_hears_only_while_it_is_open():
    log = CompilationLog(FakeClock())
    with log.open():
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))
    assert log.count > 0
    before = log.count
    torch.compile(lambda x: x + 2, backend="eager")(torch.ones(2))
    assert log.count == before
