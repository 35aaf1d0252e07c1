"""Simulated NVIDIA GPUs: a C library that stands in for `libnvidia-ml.so.1`, so that pynvml, Zeus and CodeCarbon run
unmodified on a machine without a GPU and every joule they report can be held against a truth that is known.

A scenario is a few GPUs, what they draw, and what goes wrong:

```python
quiet = sim_gpu("hopper", idle=[Constant(60)], load=[Constant(240), Pulses(100, period_s=0.73)])
lost = Fault("*", pynvml.NVML_ERROR_GPU_IS_LOST, from_s=14.0)

def test_something(simulate):                       # fixtures are in tests/conftest.py
    sim = simulate(quiet, faults=[lost])            # virtual time, in this process
    door = GpuDoor()                                # the real pynvml, the real product
    sim.switch(1.0)                                 # from now on the load waveform is added
    sim.clock.sleep(3.0)                            # instant: only this and the cost of calls move the time
    sim.switch(0.0)
    joules = sim.truth_j(10.0, 13.0)
```

- Scenario time begins at 10 s, so that a sensor can look back. Waveforms are sums of `Constant`, `Box`, `Ramp` and
  `Pulses`; idle waveforms are in scenario time, load waveforms begin when load is switched on, `rest` waveforms when it
  is switched off.
- `simulate(..., real=True)` runs in real time: scenario time is `time.perf_counter() - sim.origin_s`.
- For another process (the command line, Zeus, CodeCarbon with GPUs) start it with `env={**os.environ, **sim.environ}`:
  the loader finds the library through LD_LIBRARY_PATH, and `nvidia-smi` is on the PATH. `sim.switch` reaches it too.
  A whole `llem run` has no marker for load: script an idle waveform and score it with `sim.truth_utc_j(*window_utc)`.
- Sensors: `sim_gpu(architecture)` takes period, window and averaging of that architecture and a counter that is true.
  `counter=None` has none, `counter=PARTIAL_COUNTER` adds up looks of 25 ms per 100 ms; see `sensors.py`.
- Faults: `Fault(function, code, ...)` with the name that nvml.h has, without `_v2`; `field:83` is one field of
  `nvmlDeviceGetFieldValues`, `*` every call on a device, `nvmlInit` the beginning (`NVML_ERROR_DRIVER_NOT_LOADED`,
  `..._LIB_RM_VERSION_MISMATCH`, `..._NO_PERMISSION`). `every=3` fails one call in three. `Stall` makes a call take long,
  `Freeze` stops a counter or the power sensors, `Reset` begins the counter again at 0.
- Over time: `Track("temperature_c", value, from_s)`, also `clock_mhz`, `utilisation_pct`, `memory_used_mb`, `reasons`.
- `migs=["MIG-..."]` turns MIG on. `processes=[Process(pid)]`; pid 0 is whoever asks.
"""

from nvmlsim.build import Unbuildable, build_library
from nvmlsim.scenario import (
    Box,
    Constant,
    Fault,
    Freeze,
    Process,
    Pulses,
    Ramp,
    Reset,
    SimGpu,
    Stall,
    Track,
)
from nvmlsim.sensors import PARTIAL_COUNTER, Sensor, sim_gpu
from nvmlsim.simulation import Simulation, attached_clock

__all__ = [
    "PARTIAL_COUNTER",
    "Box",
    "Constant",
    "Fault",
    "Freeze",
    "Process",
    "Pulses",
    "Ramp",
    "Reset",
    "Sensor",
    "SimGpu",
    "Simulation",
    "Stall",
    "Track",
    "Unbuildable",
    "attached_clock",
    "build_library",
    "sim_gpu",
]
