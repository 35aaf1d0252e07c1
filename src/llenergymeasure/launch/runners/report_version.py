"""Prints the versions of Python and of this package in the environment of its interpreter, as one line of JSON.

Its text is passed to an interpreter that may be of any version and that may not have this package.
"""

import json
import sys

if __name__ == "__main__":
    found = {"python": list(sys.version_info[:3]), "version": None, "problem": ""}
    if sys.version_info >= (3, 10):  # noqa: UP036 - the interpreter may be older
        from importlib.util import find_spec

        spec = find_spec("llenergymeasure")
        if spec is not None and spec.origin is not None:
            try:
                from llenergymeasure._version import __version__

                found["version"] = __version__
            except ImportError as error:
                found["problem"] = str(error)
    sys.stdout.write("\n" + json.dumps(found) + "\n")
