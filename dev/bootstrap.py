"""What `manage.py demo` and `manage.py test` do first: set up all they need, in `.venv`.

Standard library only, and readable to older Pythons, so that each can be told what is missing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from typing import Iterator

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "junocal-stamp.json"
LOCK_FILES = ("demo", "dev", "e2e")  # each holds the packages of those before it


def main(arguments: "list[str]") -> None:
    """Become the command, inside the environment it needs. Never returns."""
    try:
        run_command(arguments)
    except KeyboardInterrupt:
        sys.exit(130)


def run_command(arguments: "list[str]") -> None:
    require_python()
    command = arguments[0] if arguments else "help"
    if command == "demo":
        become(install("demo"), "-m", "dev.demo", *arguments[1:])
    elif command == "test":
        lock = "e2e" if "--browser" in arguments else "dev"
        become(install(lock), "-m", "pytest", *in_workers(arguments), *arguments[1:])
    else:
        become_django(arguments)


def in_workers(arguments: "list[str]") -> "list[str]":
    """In several processes (tests/plugin/workers.py says how many), but for Chromium, or where
    their plugin is switched off. What the caller says comes after this, and wins."""
    if "--browser" in arguments or "no:xdist" in " ".join(arguments):
        return []
    return ["-n", "auto"]


def require_python() -> None:
    if os.name != "posix":
        sys.exit("Junocal runs on Linux and macOS. On Windows, use it inside WSL.")
    if sys.version_info < (3, 11):
        newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
        hint = f"Try: {newer[0]} manage.py" if newer else "Please install a newer Python."
        sys.exit(f"Junocal needs Python 3.11 or newer; this is {python_version()}. {hint}")


def become(python: Path, *arguments: str) -> None:
    """Replace this process by that program, so that signals and exit codes are its own."""
    os.chdir(str(ROOT))
    sys.stdout.flush()
    os.execv(str(python), [str(python), *arguments])  # noqa: S606


def become_django(arguments: "list[str]") -> None:
    """Run the command in the environment that `demo` or `test` made; without one, exit."""
    if Path(sys.prefix) != ENVIRONMENT and PYTHON.exists():
        become(PYTHON, str(ROOT / "manage.py"), *arguments)
    sys.exit(
        "Django isn't installed here. `python3 manage.py demo` and `python3 manage.py test` "
        "set up what they need; for anything else: pip install -r requirements/run.txt"
    )


# --- The environment ----------------------------------------------------------------------------


def install(lock: str) -> Path:
    """Python of an environment with at least the packages of that lock file. Takes no time where
    nothing changed; repairs what an interrupted installation left behind."""
    try:
        with one_installation_at_a_time():
            if read_stamp().get(lock) != fingerprint(lock):
                require_venv()
                make_environment()
                install_packages(lock)
    except PermissionError as error:
        sys.exit(f"{error}\nStart as the user who set this up, or remove .venv and .junocal first.")
    return PYTHON


@contextmanager
def one_installation_at_a_time() -> "Iterator[None]":
    import fcntl

    (ROOT / ".junocal").mkdir(exist_ok=True)
    with (ROOT / ".junocal" / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Waiting for another installation into .venv to finish ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)  # pip holds it too, should we be killed
        yield


def read_stamp() -> "dict[str, str]":
    """Fingerprints of the installed lock files, by name; none of an unfinished installation."""
    content = STAMP.read_text() if PYTHON.exists() and STAMP.exists() else ""
    return json.loads(content) if content else {}


def fingerprint(lock: str) -> str:
    content = python_version().encode() + (ROOT / "requirements" / f"{lock}.txt").read_bytes()
    return hashlib.sha256(content).hexdigest()


def require_venv() -> None:
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        sys.exit(
            "This Python can't make virtual environments. On Debian and Ubuntu: "
            f"sudo apt install python3.{sys.version_info[1]}-venv"
        )


def make_environment() -> None:
    """Make the environment anew, unless there is a whole one of this Python."""
    if is_usable():
        STAMP.write_text("")
        return
    say("Making .venv ...")
    shutil.rmtree(str(ENVIRONMENT), ignore_errors=True)
    ENVIRONMENT.mkdir()
    STAMP.write_text("")
    run([sys.executable, "-m", "venv", str(ENVIRONMENT)])


def is_usable() -> bool:
    was_interrupted = STAMP.exists() and not read_stamp()
    if was_interrupted or not PYTHON.exists():
        return False
    asked = subprocess.run(
        [str(PYTHON), "-c", "import pip, platform; print(platform.python_version())"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.stdout.decode().strip() == python_version()


def install_packages(lock: str) -> None:
    lock_file = f"requirements/{lock}.txt"
    say(f"Installing {lock_file} into .venv, once; about half a minute ...")
    began = time.monotonic()
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input"]
    run([*pip, "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", lock_file])
    held = LOCK_FILES[: LOCK_FILES.index(lock) + 1]
    STAMP.write_text(json.dumps({name: fingerprint(name) for name in held}))
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def run(command: "list[str]") -> None:
    done = subprocess.run(
        command,
        cwd=str(ROOT),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        close_fds=False,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace")[-4000:])
        sys.exit(
            "\nThe installation failed; its last words are above. Behind a proxy or with a package "
            "index of your own, tell pip by PIP_PROXY or PIP_INDEX_URL. Then start again."
        )


def say(line: str) -> None:
    print(line, flush=True)
