"""What the hook's process starts: `python -I boot.py SOCKET POLICY`.

The package is taken from where this file is and from nowhere else, so that what decides is what
asks: not another copy that the interpreter would find first.
"""

from __future__ import annotations

import importlib.util
import os
import sys


def main() -> None:
    """Serve until nobody has asked for a while."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    spec = importlib.util.spec_from_file_location(
        "licet",
        os.path.join(package, "__init__.py"),
        submodule_search_locations=[package],
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["licet"] = module
    spec.loader.exec_module(module)
    from licet.service.hook_daemon.server import serve

    serve(sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    main()
