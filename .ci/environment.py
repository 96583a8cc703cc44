"""Makes .venv what a lock file says, once: `python3.11 .ci/environment.py core|dev`.

`core` is what an installed licet needs, `dev` is everything. A stamp in .venv holds a hash of
all that went in, so a fresh environment costs no network and a few milliseconds. A file lock
makes a second run, started at the same time, wait for the first. Standard library only.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"core": ROOT / "requirements-core.lock", "dev": ROOT / "requirements.lock"}
COVERS = {"core": ("core",), "dev": ("core", "dev")}


def main(profile: str) -> None:
    if is_fresh(profile):
        return
    with (ROOT / ".venv.lock").open("w") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is setting up here, waiting for it")
            fcntl.flock(turn, fcntl.LOCK_EX)
        if not is_fresh(profile):
            build(profile)


def is_fresh(profile: str) -> bool:
    stamp = stamp_of(profile)
    # PYTHON.exists() follows the link: false as well when the interpreter behind it is gone
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(profile)


def stamp_of(profile: str) -> Path:
    return VENV / f".licet-{profile}"


def fingerprint(profile: str) -> str:
    parts = (
        str(ROOT).encode(),
        Path(__file__).read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        LOCKS[profile].read_bytes(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def build(profile: str) -> None:
    began = time.monotonic()
    for name in LOCKS:
        stamp_of(name).unlink(missing_ok=True)
    if not works():
        say(f"making .venv with Python {sys.version.split()[0]}")
        make_venv()
    install(LOCKS[profile])
    for name in COVERS[profile]:
        stamp_of(name).write_text(fingerprint(name))
    say(f"ready in {time.monotonic() - began:.0f} s")


def works() -> bool:
    """True if .venv was made at this very place, and runs, and has pip."""
    activate = VENV / "bin" / "activate"
    if not PYTHON.exists() or not activate.exists() or str(VENV) not in activate.read_text():
        return False
    return run([PYTHON, "-c", "import pip"], check=False) == 0


def make_venv() -> None:
    if run([sys.executable, "-m", "venv", "--clear", VENV], check=False) != 0:
        sys.exit("  this Python cannot make a venv (on Debian: apt-get install python3-venv)")


def install(lock: Path) -> None:
    """Install the lock with uv, which pip brings at the locked version; with pip if uv cannot."""
    pins = pins_in(lock)
    say(f"installing {len(pins)} locked packages, every hash checked")
    project: list[str | Path] = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
    locked: list[str | Path] = ["--require-hashes", "--requirement", lock]
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    uv: list[str | Path] = [VENV / "bin" / "uv", "pip", "install"]
    uv += ["--quiet", "--python", PYTHON]
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as first:
        first.write(pins["uv"])
        first.flush()
        run([*pip, "--require-hashes", "--requirement", first.name])
    for installer in (uv, pip):
        if run([*installer, *locked], check=installer is pip) == 0:
            break
        say("uv could not, trying pip")
    run([*installer, *project])


def pins_in(lock: Path) -> dict[str, str]:
    """The lock's entries, name to text: a line `name==version \\` and its indented lines."""
    pins: dict[str, str] = {}
    name = ""
    for line in lock.read_text().splitlines(keepends=True):
        if line[0].isalnum():
            name = line.split("==")[0]
            pins[name] = line
        elif line.startswith("    --hash"):
            pins[name] += line
    return pins


def run(command: list[str | Path], *, check: bool = True) -> int:
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    code = subprocess.run(list(map(str, command)), cwd=ROOT, env=quiet, check=False).returncode
    if check and code != 0:
        sys.exit(f"  setup stopped: `{' '.join(map(str, command[:4]))} …` ended with {code}")
    return code


def say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["core"], ["dev"]):
        sys.exit(__doc__)
    main(sys.argv[1])
