"""The long runs of tests/nightly.sh, which says how to call it."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

HOME = pathlib.Path(os.environ.get("NIGHTLY", "target/nightly")).absolute()
RECORD = HOME / "done.json"
HOST = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.M)[1]
BINARIES = HOME / "build" / HOST / "release"
# A heap that goes back to the system after each input makes a target of large buffers several times slower.
KEEP_HEAP = {f"MALLOC_{name}_": 1 << 28 for name in ("MMAP_THRESHOLD", "TRIM_THRESHOLD", "TOP_PAD")}
# A piece takes about so long, and is given up after so much more: the first one may have to build something.
PIECE_SECONDS, GRACE_SECONDS = 300, 3_600
PROCESSES, STOPPED = set(), threading.Event()


def simulator(first, count):
    # A seed is a game in each of the two modes.
    seeds = {"SIM_FIRST": first // 2, "SIM_SEEDS": -(-count // 2)}
    return seeds, "cargo test --release --test suite -- --ignored --nocapture --exact laws::sim_many"


def mesh(first, count):
    return {"MESH_FIRST": first, "MESH_SEEDS": count}, "cargo test --release -p inputwire-sim mesh -- --nocapture"


def rollback(first, count):
    seeds = {"ROLLBACK_FIRST": first, "ROLLBACK_GAMES": count}
    return seeds, "cargo test --release -p inputwire-rollback schedules -- --nocapture"


def ggrs(first, count):
    # Half of the games are drawn, and in the other half a player dies.
    return {"SEED": first // 2, "GAMES": -(-count // 2)}, "adapters/ggrs/check.sh games"


def on_top(mode):
    """What is played or tested with unchanged packages on top of the ggrs interface."""
    return lambda _first, _count: ({}, f"adapters/ggrs/check.sh {mode}")


def worlds(_first, count):
    test = "world::handshake::nothing_goes_wrong_in_any_of_five_million_worlds"
    return {"WORLDS": count}, f"cargo test --release --test suite -- --ignored --nocapture {test}"


def soak(first, count):
    # The seed of a piece is where it begins.
    line = f"cargo run --release --manifest-path fuzz/Cargo.toml --example soak -- {count} {first}"
    return {"CARGO_TARGET_DIR": HOME / "soak"}, line


def determinism(first, count):
    return {}, f"tests/determinism/run.sh {count} {first}"


# What a run counts, how much there is to do, the size of its first piece, and the command of a piece.
RUNS = {
    # Three million games together.
    "simulator": ("games", 2_000_000, 2_000, simulator),
    "mesh": ("games", 400_000, 1_000, mesh),
    "rollback": ("games", 300_000, 1_000, rollback),
    "ggrs": ("games", 300_000, 600, ggrs),
    "bevy_ggrs over matchbox": ("games", 1, 1, on_top("play")),
    "bevy_ggrs with a page": ("games", 1, 1, on_top("browser")),
    "tests of bevy_ggrs and matchbox": ("runs", 1, 1, on_top("upstream")),
    "worlds of the handshake": ("worlds", 5_000_000, 5_000_000, worlds),
    "soak": ("frames", 1_000_000_000, 20_000_000, soak),
    "determinism": ("seeds", 40_000, 500, determinism),
}
for path in sorted(pathlib.Path("fuzz/fuzz_targets").glob("*.rs")):
    RUNS[f"fuzz {path.stem}"] = ("executions", 100_000_000, 0, None)


def code():
    """What the record belongs to: everything tracked that is compiled, as it lies there."""
    tracked = subprocess.check_output(["git", "ls-files", "-z", "*.rs", "*.toml", "*.lock", "*.mjs"], text=True)
    digest = hashlib.sha256()
    for path in map(pathlib.Path, filter(None, tracked.split("\0"))):
        digest.update(f"{path}\0".encode() + (path.read_bytes() if path.exists() else b"") + b"\0")
    return digest.hexdigest()[:16]


def call(command, seconds, log, more):
    """Runs a command with its output in a log. Returns whether it succeeded, or None if it was ended."""
    environment = {**os.environ, **{name: str(value) for name, value in more.items()}}
    with open(log, "w") as out:
        if STOPPED.is_set():
            return None
        # A session of its own, so that everything it starts ends with it.
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
        PROCESSES.add(process)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        PROCESSES.discard(process)
    return None if process.returncode == -signal.SIGKILL else process.returncode == 0


def fuzz(target, runs, seconds, log):
    """Fuzzes a target. Returns how many executions there were, and whether something was found."""
    corpus, findings = HOME / "corpus" / target, HOME / "findings" / target
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    options = {"runs": runs, "max_total_time": seconds, "max_len": os.environ.get("FUZZ_LEN", 128),
               "dict": "fuzz/inputwire.dict", "artifact_prefix": f"{findings}/"}
    options = [f"-{name}={value}" for name, value in options.items()] + os.environ.get("FUZZ_ARGS", "").split()
    command = [BINARIES / target, *options, corpus, f"fuzz/corpus/{target}"]
    fine = call(command, seconds + GRACE_SECONDS, log, KEEP_HEAP)
    executed = re.findall(r"^#(\d+)\t", log.read_text(errors="replace"), re.M)
    return int(executed[-1]) if executed else 0, fine is False


def play(name, state, seconds, log):
    """Does one more piece of a run. Returns how much that was, and whether something was found; None if it was skipped."""
    _, total, first_size, command = RUNS[name]
    missing = total - state["done"]
    if command is None:
        return fuzz(name.split()[1], missing, int(seconds), log)
    # As much as fits, by what the piece before took.
    count = max(1, min(int(state["rate"] * seconds) or first_size, missing))
    more, line = command(state["done"], count)
    fine = call(line.split(), seconds + GRACE_SECONDS, log, more)
    if fine is None:
        return 0, False
    text = log.read_text(errors="replace")
    # A tool that is not here, or a test of another name, proves nothing.
    is_idle = line.startswith("cargo test") and not re.search(r"^running [1-9]", text, re.M)
    if is_idle or re.search(r"^skipped: ", text, re.M):
        return None
    return (count if fine else 0), not fine


class Night:
    """Lets every run have about as much time as any other, until it is done."""

    def __init__(self, record, names, deadline):
        self.record, self.names, self.deadline, self.lock = record, names, deadline, threading.Lock()

    def take(self):
        with self.lock:
            runs = self.record["runs"]
            left = [name for name in self.names if runs[name]["done"] < RUNS[name][1]]
            if not left or STOPPED.is_set() or time.monotonic() >= self.deadline:
                return None
            name = min(left, key=lambda name: runs[name]["seconds"])
            self.names.remove(name)
            return name

    def work(self):
        while name := self.take():
            state, started = self.record["runs"][name], time.monotonic()
            log = HOME / f"{name.replace(' ', '-')}.log"
            outcome = play(name, state, max(1, min(PIECE_SECONDS, self.deadline - started)), log)
            took = time.monotonic() - started
            with self.lock:
                done, found = outcome or (0, False)
                state["skipped"] = outcome is None
                state["rate"] = done / took
                state["done"] += done
                state["seconds"] += took
                state["findings"] += found
                # What failed or did not end is tried again with the next call.
                if done and not found:
                    self.names.append(name)
                save(self.record)
            print(f"{name}: {state['done']:,} of {RUNS[name][1]:,}", flush=True)
            if found:
                print(*log.read_text(errors="replace").splitlines()[-40:], f"{name} FOUND SOMETHING: {log}", sep="\n")


def save(record):
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1))
    new.replace(RECORD)


def load(anew):
    now = code()
    record = json.loads(RECORD.read_text()) if RECORD.exists() and not anew else {"code": now, "runs": {}}
    if record["code"] != now:
        print("the code has changed: everything begins anew")
        record = {"code": now, "runs": {}}
    fresh = {"done": 0, "seconds": 0, "findings": 0, "rate": 0, "skipped": False}
    record["runs"] = {name: {**fresh, **record["runs"].get(name, {})} for name in RUNS}
    return record


def build(record, names):
    """Builds the fuzz targets, or skips them."""
    targets = [name for name in names if name.startswith("fuzz ") and record["runs"][name]["done"] < RUNS[name][1]]
    command = "cargo +nightly fuzz build -s none --no-trace-compares".split()
    if not targets or call(command, GRACE_SECONDS, HOME / "build.log", {"CARGO_TARGET_DIR": HOME / "build"}):
        return names
    print(f"skipped: fuzzing: no nightly toolchain with cargo-fuzz, or no build; see {HOME / 'build.log'}")
    for name in targets:
        record["runs"][name]["skipped"] = True
    return [name for name in names if name not in targets]


def show(record):
    print("\n| run | done | of | hours | missing | findings |\n|---|---|---|---|---|---|")
    for name, (unit, total, *_) in RUNS.items():
        state = record["runs"][name]
        missing = "skipped" if state["skipped"] else f"{max(0, total - state['done']):,}"
        hours = f"{state['seconds'] / 3600:.2f}"
        print(f"| {name} | {state['done']:,} {unit} | {total:,} | {hours} | {missing} | {state['findings']} |")


def stop(*_):
    """Ends what runs; the pieces before it count."""
    STOPPED.set()
    for process in list(PROCESSES):
        os.killpg(process.pid, signal.SIGKILL)


def main():
    words = [word for word in sys.argv[1:] if word != "--anew"]
    seconds = int(words[0]) if words else 7_200
    HOME.mkdir(parents=True, exist_ok=True)
    record = load("--anew" in sys.argv)
    only = os.environ.get("ONLY", "").split(",")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    names = build(record, [name for name in RUNS if any(name.startswith(chosen) for chosen in only)])
    night = Night(record, names, time.monotonic() + seconds)
    jobs = int(os.environ.get("JOBS", 1))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for worker in [pool.submit(night.work) for _ in range(jobs)]:
            worker.result()
    save(record)
    show(record)
    sys.exit(any(state["findings"] for state in record["runs"].values()))


main()
