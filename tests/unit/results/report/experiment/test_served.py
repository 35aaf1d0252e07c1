"""What the page of a result says about a server and its traffic."""

from __future__ import annotations

from a_result import a_result
from a_served_result import a_served_result, a_server, some_traffic
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.domain.timeline import RunPhase
from llenergymeasure.domain.traffic.result import FailureCount
from llenergymeasure.results.report.experiment import content, provenance, served
from llenergymeasure.results.report.experiment.page import html_text


def test_other_backends_have_no_rows_and_no_headlines():
    assert list(served.rows(a_result())) == []
    assert list(served.headlines(a_result())) == []
    assert "Server and traffic" not in html_text(a_result())


def test_the_headlines_are_requests_goodput_and_their_energy():
    found = {one.name: (one.value, one.note) for one in served.headlines(a_served_result())}
    assert found == {
        "requests per second": ("3.5 requests/s", "7 of 8 requests answered"),
        "goodput": ("3 requests/s", "6 of 8 requests within TTFT p99 500 ms"),
        "energy per good request": ("33.3 J/request", "energy of the window"),
    }


def test_without_energy_the_headline_has_the_reason():
    found = {one.name: (one.value, one.note) for one in served.headlines(a_served_result(energy_j=None))}
    assert found["energy per good request"] == ("not measured", "no sensor")


def test_an_estimate_is_marked():
    result = a_served_result()
    energy = result.energy.model_copy(update={"method": "estimated"})
    found = {one.name: one.note for one in served.headlines(result.model_copy(update={"energy": energy}))}
    assert found["energy per good request"] == "an estimate"


def test_the_rows_have_the_server_the_load_and_the_client():
    found = dict(served.rows(a_served_result()))
    assert found["server"] == "vllm 0.32.0, started for this measurement"
    assert found["command"] == "vllm serve"
    assert (found["CPU time of its processes"], found["memory of its processes"]) == ("1.5 s", "900 MB")
    assert found["load"] == "at 4 requests/s (constant)"
    assert found["requests sent in the window"] == "8 (4 requests/s)"
    assert found["of them status_429"] == "1, the first: 429 Too Many Requests"
    assert found["limits"] == "TTFT p99 500 ms; limits not kept: 1 of 8 requests failed"
    assert found["CPU share of the client's thread"] == "5 %"
    assert found["traffic around the window"] == "3 s before, 1 s after"


def test_number_format_and_quantisation_of_a_server_are_not_known():
    result = a_served_result()
    info = result.model_info.model_copy(update={"dtype": None, "quantization": None})
    found = dict(provenance.model_rows(result.model_copy(update={"model_info": info})))
    assert found["number format"] == found["quantisation"] == "not known: the server has its own"
    assert dict(provenance.model_rows(a_result()))["quantisation"] == "none"


def test_the_setting_of_the_number_format_is_not_shown_as_that_of_a_server():
    def shown(**fields):
        found = provenance.settings(ExperimentConfig(model="m", **fields))
        return {name: value for name, value, _ in found}["precision"]

    assert shown(backend="server", server={"url": "http://127.0.0.1:1/v1"}) == "not known: the server has its own"
    assert shown() == "bf16"


def test_the_subtitle_has_the_load_and_no_limit_of_the_server():
    result = a_served_result()
    info = result.model_info.model_copy(update={"max_num_seqs": 4})
    text = content.subtitle(result.model_copy(update={"model_info": info}))
    assert text.endswith("; requests at 4 requests/s (constant)")


def test_readings_of_an_estimate_are_not_of_a_sensor():
    result = a_served_result()
    energy = result.energy.model_copy(update={"method": "estimated"})
    names = [name for name, _ in provenance.how_measured(result.model_copy(update={"energy": energy}))]
    assert "readings of the estimate in the window" in names
    assert "sensor updates in the window" not in names


def test_the_steps_of_the_run_end_with_the_drain():
    result = a_served_result()
    drain = RunPhase(name="drain", start_s=result.duration_sec, end_s=result.duration_sec + 1.5)
    timeline = result.timeline.model_copy(update={"phases": (*result.timeline.phases, drain)})
    assert "; drain 1.5 s" in html_text(result.model_copy(update={"timeline": timeline}))


def test_output_that_nothing_counted_is_named():
    assert "output tokens that were not counted" not in dict(served.rows(a_served_result()))
    found = dict(served.rows(a_served_result(uncounted_requests=2, uncounted_events=30, uncounted_tokens=40)))
    assert found["output tokens that were not counted"] == "about 40, of 2 failed requests"


def test_the_model_that_is_served_is_named():
    other = a_served_result().model_copy(update={"server": a_server(served_model="gpt-4o")})
    assert dict(served.rows(other))["model in its requests"] == "gpt-4o"
    assert "model in its requests" not in dict(served.rows(a_served_result()))  # of an earlier release


def test_a_server_elsewhere_has_the_reason_in_place_of_its_cpu_time():
    elsewhere = a_server(cpu_seconds=None, memory_mb=None, reason="the server is on another machine")
    found = dict(served.rows(a_served_result().model_copy(update={"server": elsewhere})))
    assert found["CPU time of its processes"] == "not measured (the server is on another machine)"


def test_the_page_has_a_section_and_says_what_a_latency_is():
    text = html_text(a_served_result())
    assert "Server and traffic" in text
    assert "from its sending to its last token" in text
    assert "goodput" in text


def test_the_p99_of_few_requests_is_shown_where_a_limit_is_set_for_it():
    result, few = a_served_result(), distribution([[100.0, 200.0]])
    latency = result.latency.model_copy(update={"ttft": few, "request": few})
    found = {name: p99 for name, *_, p99, _ in content.latencies(result.model_copy(update={"latency": latency}))}
    assert (found["time to first token, ms"], found["request, ms"]) == ("199", "-")
    headlines = content.headlines(result.model_copy(update={"latency": latency}))
    spreads = {each.name: each.spread for each in headlines}
    assert "p99 199 ms" in spreads["time to first token"]
    assert "p99" not in spreads["request latency"]


def test_texts_of_a_server_are_shown_as_text():
    bad = FailureCount(kind="status_500", count=1, example="<script>alert(1)</script>")
    text = html_text(a_served_result(failures=(bad,)))
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_work_counts_requests():
    found = dict(content.work(a_served_result()))
    assert found["requests"] == "2 answered, at 4 requests/s (constant)"
    assert found["input tokens"] == "3 of requests whose first token came in the window"
    assert found["output tokens"] == "20 in the window, of whichever request"
    assert not any(name.startswith(("prompts that", "passes")) or name == "prompts" for name in found)
    assert found["requests that ended early"] == "0 %"


def test_a_longer_window_has_several_stretches_of_requests():
    once = a_served_result()
    longer = once.model_copy(update={"tokens": once.tokens.model_copy(update={"n_passes": 3})})
    assert dict(content.work(longer))["stretches of n requests"] == "3"


def test_a_loop_has_its_concurrency():
    result = a_served_result().model_copy(
        update={"traffic": some_traffic(mode="concurrency", concurrency=16, rate=None)}
    )
    assert dict(served.rows(result))["load"] == "with 16 in flight"


def test_it_says_who_counted_the_output_tokens():
    def counted(**fields):
        return dict(served.rows(a_served_result(**fields)))["numbers of output tokens"]

    assert counted() == "reported by the server"
    assert counted(counted_here=1) == "reported by the server, and counted here for 1 of 7 answers"
    assert counted(counted_by="tokenizer", counted_here=7) == "counted here from the text"
