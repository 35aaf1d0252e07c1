"""Hooks of pytest-llem, each with a use."""


def pytest_llem_fingerprint(config, fingerprint):
    """Tokens and FLOPs are the same on every machine: one baseline for all. For joules, remove this hook."""
    if fingerprint.get("meter") == "null":
        fingerprint.clear()
        fingerprint.update(cpu="any machine", cpu_count=0, meter="null")
