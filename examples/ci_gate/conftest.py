"""A hook of the pytest plugin."""


def pytest_llem_fingerprint(config, fingerprint):
    """Use one baseline for all machines: tokens and FLOPs are the same everywhere. Remove this hook to compare joules."""
    if fingerprint.get("meter") == "null":
        fingerprint.clear()
        fingerprint.update(cpu="any machine", cpu_count=0, meter="null")
