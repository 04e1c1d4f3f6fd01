"""The files of a run folder, written so that a reader never sees half of one.

config.json      kind and settings, validated before anything heavy is imported
data.jsonl       the rows trained on
manifest.json    what the run rests on: hashes, versions, seed, device, model, source of the labels
metrics.jsonl    one line a step, flushed
status.json      state, phase, step, process, heartbeat, reason of a failure
log.txt          what the process printed
checkpoints/     where a stopped run goes on, until it is done
adapter/, model/ the result: an adapter, or a whole model
answers.jsonl, divergence.json, margins.json, scores.json, evaluation.json    what was measured with it
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RecordError, TrainingError
from workbench.records import Record, canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pydantic import JsonValue

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
HEARTBEAT_S = 2.0
_PACKAGES = ("preference-workbench", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "numpy")


class Status(Record):
    """Where a run stands. Times are seconds since the epoch; `step` of `steps` counts within `phase`.

    `pid_started` tells a process from a later one with the same number; `host` is where `pid` means something.
    """

    state: State
    phase: str = ""
    step: int = 0
    steps: int = 0
    pid: int | None = None
    pid_started: str = ""
    host: str = ""
    created: float
    started: float | None = None
    heartbeat: float | None = None
    ended: float | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.state in ENDED


def write_atomic(path: Path, text: str) -> None:
    """Write beside the file, then rename over it: a reader sees the old text or the new, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_json(path: Path, value: Any) -> None:
    """A JSON file for people and programs: sorted, indented, written atomically."""
    write_atomic(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a run, or `TrainingError` where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(
            f"cannot be read: {str(error)[:200]}", where=str(path), next_step="give a whole run folder"
        ) from error
    if not isinstance(found, dict):
        raise TrainingError("not a JSON object", where=str(path), next_step="give a whole run folder")
    return found


def read_status(run_dir: Path) -> Status:
    """The status as written, or `TrainingError` where the folder is no run."""
    path = run_dir / "status.json"
    try:
        return Status.parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise TrainingError(
            "not a run folder: it has no status.json",
            where=str(run_dir),
            next_step="pilot.runs() or `workbench status PILOT` lists runs",
        ) from None
    except (OSError, ValueError, TypeError, RecordError) as error:
        raise TrainingError(f"status.json cannot be read: {error}", where=str(path)) from error


def write_status(run_dir: Path, status: Status) -> None:
    """Replace status.json, whatever it says by now: `change_status` looks first."""
    write_json(run_dir / "status.json", status.model_dump(mode="json"))


def change_status(run_dir: Path, change: Callable[[Status], Status | None]) -> Status:
    """Look at the status and replace it, with nobody in between; returns what stands there then.

    Its own process, whoever cancels or resumes it, and whoever finds it dead all write the status of a run. `change` is
    given what the others have written; where it returns None that stays.
    """
    with alone(run_dir):
        status = read_status(run_dir)
        changed = change(status)
        if changed is None:
            return status
        write_status(run_dir, changed)
        return changed


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL file; a last line that is still being written is left out, a missing file has no rows."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1].decode("utf-8")
    try:
        return [json.loads(line) for line in whole.split("\n") if line]
    except ValueError as error:
        raise TrainingError(f"not JSON lines: {error}", where=str(path)) from error


def append_jsonl(path: Path, rows: Iterable[Mapping[str, JsonValue]]) -> None:
    """Append rows as whole lines and flush them."""
    with path.open("a", encoding="utf-8", newline="\n") as handle:
        handle.write("".join(canonical_json(dict(row)) + "\n" for row in rows))


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others who ask for the same on this folder waiting; they may be threads or processes of this host.

    Not to be asked for again within. A file system that cannot lock (some network ones) lets everybody through.
    """
    import fcntl  # not where Windows is

    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise TrainingError(f"cannot enter the folder: {error.strerror}", where=str(folder)) from error
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)  # closing alone leaves it to a process that was forked meanwhile
        os.close(handle)


def check_base(run_dir: Path, model: str, sha256: str) -> None:
    """Refuse a start model whose weights are not those the run's manifest names, if it names any.

    Shapes may fit all the same, and what the run's adapter makes of other weights would be noise.
    """
    path = run_dir / "manifest.json"
    named = read_json(path).get("model") if path.is_file() else None
    trained_on = named.get("sha256") if isinstance(named, dict) else None
    if trained_on not in (None, sha256):
        raise TrainingError(
            f"{model} has other weights now than this run was trained on",
            where=str(run_dir),
            next_step="bring back the model of its manifest, or train another run",
        )


def process_started(pid: int) -> str:
    """When the process started, as text to compare; empty when there is no such process, or it is dead."""
    try:
        # The name, in parentheses, may hold anything; the fields after the last parenthesis are plain.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    except (OSError, IndexError):
        return ""
    # No /proc (macOS): ask ps.
    asked = subprocess.run(  # noqa: S603 - fixed program, number as argument
        ["/bin/ps", "-o", "lstart=,stat=", "-p", str(int(pid))], capture_output=True, text=True, check=False
    )
    text = " ".join(asked.stdout.split())
    return "" if not text or text.rsplit(" ", 1)[-1].startswith("Z") else text.rsplit(" ", 1)[0]


class Reporter:
    """Writes a run's status and metrics from inside its process; a thread keeps the heartbeat through long steps.

    Of several processes that train together one speaks; the others' reporters write nothing. `pid` is the process to
    watch and to stop, where that is not this one.

    A status that says cancelled or done, or that the run was started again, is not written over: this process is not
    the run's any more, and `lost` is called, once and from another thread.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        speaks: bool = True,
        pid: int | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._dir = run_dir
        self._speaks = speaks
        self._lost = lost
        self._lock = threading.RLock()
        self._stop = threading.Event()
        pid = pid or os.getpid()
        self._status = change_status(run_dir, begin(pid)) if speaks else read_status(run_dir)
        self.over = self._status.over or (speaks and self._status.pid != pid)
        self._thread = threading.Thread(target=self._beat, daemon=True)
        if not self.over:
            self._thread.start()

    def phase(self, name: str, steps: int = 0) -> None:
        """A new phase begins, of so many steps."""
        self._update(phase=name, step=0, steps=steps)

    def advance(self, step: int) -> None:
        """The current phase has done this many steps."""
        self._update(step=step)

    def follow(self, phase: str) -> Callable[[int, int], None]:
        """A function of steps done and steps in all, first called with 0 done, which reports a phase."""

        def tell(done: int, total: int) -> None:
            if done == 0:
                self.phase(phase, total)
            else:
                self.advance(done)

        return tell

    def metrics(self, row: Mapping[str, JsonValue]) -> None:
        """Append one line to metrics.jsonl."""
        if self._speaks:
            append_jsonl(self._dir / "metrics.jsonl", [row])

    def note(self, text: str) -> None:
        """Keep a remark for whoever reads the status, for example how many pairs were left out and why."""
        self._update(notes=(*self._status.notes, text))

    def manifest(self, more: Mapping[str, JsonValue]) -> None:
        """Add what only the process knows to manifest.json."""
        if not self._speaks:
            return
        path = self._dir / "manifest.json"
        write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **more})

    def fall_silent(self) -> None:
        """Stop the heartbeat and write nothing more: somebody else says how the run ended."""
        self._silence()
        self._speaks = False

    def end(self, state: State, reason: str = "") -> None:
        """Write the last status and stop the heartbeat."""
        self._silence()
        self._update(state=state, reason=reason, ended=time.time())

    def _silence(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            # A full disk, or a folder out of reach for a while, must not end a run that may still finish.
            with contextlib.suppress(OSError, TrainingError):
                if not self._update() and not self._stop.is_set():
                    self._lost()
                    return

    def _update(self, **changes: Any) -> bool:
        """Write the status with these changes; whether the run is still this process's."""
        with self._lock:
            mine = self._status = self._status.model_copy(update={"heartbeat": time.time(), **changes})
            if not self._speaks:
                return True

            def replace(there: Status) -> Status | None:
                if there.created != mine.created or there.state in ("cancelled", "done"):
                    return None
                # A run that somebody has declared dead says so if it lives; its leader may not.
                dead = there.over and process_started(mine.pid or 0) != mine.pid_started
                return None if dead else mine

            for patience in (0.1, 0.5):
                try:
                    return change_status(self._dir, replace) is mine
                except TrainingError:  # a network file system loses for a moment what another host has renamed
                    time.sleep(patience)
            return change_status(self._dir, replace) is mine


def begin(pid: int) -> Callable[[Status], Status | None]:
    """For `change_status`: the run is at work in this process, unless it was cancelled or another has begun before.

    A process that took so long to begin that somebody has declared it dead begins all the same.
    """
    now = time.time()

    def begun(there: Status) -> Status | None:
        if there.state in ("cancelled", "done") or there.pid not in (None, pid):
            return None
        process = {"pid": pid, "pid_started": process_started(pid), "host": platform.node()}
        fresh = {"state": "running", "phase": "starting", "started": now, "heartbeat": now, "reason": "", "ended": None}
        return there.model_copy(update={**fresh, **process})

    return begun


def versions() -> dict[str, JsonValue]:
    """Python, operating system and the packages a result depends on."""
    found: dict[str, JsonValue] = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}", "packages": found}


def git_revision(folder: Path) -> dict[str, JsonValue] | None:
    """Revision of the git checkout the folder stands in and whether tracked files differ from it; None without one."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(folder), *words],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )

    try:
        head = git("rev-parse", "HEAD")
        if head.returncode:
            return None
        return {"revision": head.stdout.strip(), "changed": git("diff", "--quiet", "HEAD").returncode != 0}
    except (OSError, subprocess.TimeoutExpired):
        return None
