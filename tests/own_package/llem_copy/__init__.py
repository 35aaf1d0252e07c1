"""A package with a backend and a meter of its own. Its entry points name these two; nothing heavy is imported for them."""

from llenergymeasure.config.extensions.backends import BackendEntry
from llenergymeasure.config.meters import MeterEntry

BACKEND = BackendEntry(
    needs=("llem_copy",),
    distributions=("llem-copy",),
    install="pip install llem-copy",
    factory="llem_copy.backend:CopyBackend",
    precisions=("fp32",),
    decoding=("greedy",),
    own_models=True,
)
METER = MeterEntry(
    module="llem_copy.meter",
    distributions=("llem-copy",),
    fix="plug it in",
    accuracy="The plug is accurate within 1 %.",
)
