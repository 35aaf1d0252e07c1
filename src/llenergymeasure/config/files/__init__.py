"""Reading configuration files: YAML, its limits, experiments, studies and suites."""
