"""The RAPL meter: energy of CPU packages and memory from the counters of Linux powercap."""
