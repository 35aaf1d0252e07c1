"""The protocols of the parts of a measurement.

```
ModelLoader.load -> InferenceEngine.prepare -> (warm-up) -> EnergyBackend.open_window
                    InferenceEngine.run                     OpenWindow.close -> EnergyReading
                    MetricsCollector.collect -> a block of the result
                    ResultsRepository.save
```

The protocol of a whole backend, from configuration to result, is in `core.backends.protocol`.
"""

from llenergymeasure.protocols.engine import (
    Batch,
    InferenceEngine,
    ModelLoader,
    RunOutput,
    Tokenizer,
    TrafficEngine,
)
from llenergymeasure.protocols.meter import (
    EnergyBackend,
    Metering,
    OpenWindow,
)
from llenergymeasure.protocols.surroundings import (
    Clock,
    ProcessGroup,
    ResultsRepository,
    Sampler,
)
from llenergymeasure.protocols.window import (
    MetricsCollector,
    Window,
)

__all__ = [
    "Batch",
    "Clock",
    "EnergyBackend",
    "InferenceEngine",
    "Metering",
    "MetricsCollector",
    "ModelLoader",
    "OpenWindow",
    "ProcessGroup",
    "ResultsRepository",
    "RunOutput",
    "Sampler",
    "Tokenizer",
    "TrafficEngine",
    "Window",
]
