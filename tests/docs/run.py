"""Does what the pages say, and looks whether it turns out as they say.

    python3 run.py COURANT [PAGE...]

Every fenced block of a page has a meaning; a block of another kind is an error, so that nothing is
left out by accident. Blocks of a page run in order, in one folder and one shell:

    sh               is run and must succeed
    sh background    is started and goes on to the end of the page
    sh eventually    is run again until the output below it comes (only for questions, not for acts)
    output           what the block above printed; `…` is anything, ids and times may be others
    output background   what the last background command prints sooner or later
    LANGUAGE PATH    a file: equal to the repository's file of this path, or else written there
    toml             all of a page together are a configuration that `courant check` accepts
    text             is only shown

`cargo run --release --` and `target/release/courant` are the program under test; its address and
that of the reader's own receiver are moved to free ports.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/operations.md", "docs/tutorial.md", *sorted(
    str(page.relative_to(ROOT)) for page in (ROOT / "docs/howto").glob("*.md"))]
PATIENCE = 60
# The ports that the pages name.
GATEWAY, RECEIVER = 8480, 9000
FENCE = re.compile(r"^( *)```(.*)$")
VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.:]\d+)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b([0-9a-f]{32}|[0-9A-F]{32})\b"), "<id>"),
    (re.compile(r"wamid\.[A-Za-z0-9+/=]+"), "<wamid>"),
    (re.compile(r"\bA[0-9A-Z]{25}\b"), "<kaleyra id>"),
    (re.compile(r'("timestamp": ?)\d{13}'), r"\1<time>"),
    (re.compile(r"(?m)^ +\d+\.\d{3}  "), "<seconds> "),
]


class Wrong(Exception):
    """A page that is not true."""


class Block:
    def __init__(self, line, info, text):
        self.line, self.text = line, text
        self.language, _, self.about = info.strip().partition(" ")


def blocks(page):
    """The fenced blocks of a page, in order."""
    found, start = [], None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if fence and start is None:
            start, indent, info, lines = number, fence[1], fence[2], []
        elif fence and not fence[2]:
            found.append(Block(start, info, "".join(lines)))
            start = None
        elif start is not None:
            lines.append(line.removeprefix(indent) + "\n")
    if start is not None:
        raise Wrong(f"line {start}: the block has no end")
    return found


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Ports:
    """Moves the pages' ports to free ones, and back in what is printed."""

    def __init__(self):
        self.moved = {port: free_port() for port in (GATEWAY, RECEIVER)}

    def there(self, text):
        for named, real in self.moved.items():
            text = re.sub(rf'(127\.0\.0\.1(?::|", )){named}\b', rf"\g<1>{real}", text)
        return text

    def back(self, text):
        for named, real in self.moved.items():
            text = re.sub(rf"127\.0\.0\.1:{real}\b", f"127.0.0.1:{named}", text)
        return text


def steady(text):
    """The text without what differs from run to run."""
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def shape(expected):
    """The expected output as a pattern."""
    whole = re.escape(steady(expected))
    whole = re.sub(r"(?m)^…\n", r"(?:[^\\n]*\\n)*?", whole.replace("\\\n", "\n"))
    whole = re.sub(r"(?m)\n…$", r"(?:\\n[^\\n]*)*?", whole)
    return re.compile(whole.replace("…", "[^\\n]*?"))


class Output:
    """What a process prints, read in the background."""

    def __init__(self, stream):
        self.text, self.changed, self.over = "", threading.Condition(), False
        threading.Thread(target=self.read, args=(stream,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            with self.changed:
                self.text += line
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            self.changed.wait_for(lambda: condition(self.text) or self.over, PATIENCE)
            return self.text


class Background:
    """A command that goes on to the end of the page."""

    def __init__(self, command, folder, environment):
        self.process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = Output(self.process.stdout)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise Wrong("a background command did not end when told") from None


class Shell:
    """One shell for all blocks of a page, so that its variables last."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(
            ["bash", "-eo", "pipefail"], cwd=folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output, self.errors = Output(self.process.stdout), Output(self.process.stderr)
        self.count = 0

    def run(self, command):
        """What the command prints. It must succeed."""
        self.count += 1
        begin, end = len(self.output.text), f"\x1e{self.count}\n"
        self.process.stdin.write(f"{command}\nprintf '\\036{self.count}\\n'\n")
        self.process.stdin.flush()
        text = self.output.until(lambda text: text.endswith(end))[begin:]
        if not text.endswith(end):
            how = "failed" if self.output.over else f"did not end within {PATIENCE} s"
            raise Wrong(f"it {how}:\n{text}{self.errors.text}")
        return text.removesuffix(end)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Page:
    """A page being done."""

    def __init__(self, path, program, folder):
        self.path, self.folder, self.ports = path, folder, Ports()
        self.program, self.backgrounds = program, []
        self.environment = self.prepare()
        self.shell = Shell(folder, self.environment)
        self.printed, self.above, self.configuration = None, None, ""

    def prepare(self):
        gateway = self.ports.moved[GATEWAY]
        tools = self.folder / ".tools"
        tools.mkdir()
        script(tools / "courant", f"""
            case "${{1:-}}" in
                sandbox) shift; exec {self.program} sandbox --listen 127.0.0.1:{gateway} "$@" ;;
                demo) shift; exec {self.program} demo --listen 127.0.0.1:{gateway} "$@" ;;
                serve) exec {self.program} "$@" --set 'server.listen="127.0.0.1:{gateway}"' ;;
                *) exec {self.program} "$@" ;;
            esac""")
        script(tools / "cargo", """
            case "$*" in
                "run --release -- "*) shift 3; exec courant "$@" ;;
                "build --release") ;;
                *) echo "cargo $*: the pages' test does not know this" >&2; exit 1 ;;
            esac""")
        (self.folder / "target/release").mkdir(parents=True)
        (self.folder / "target/release/courant").symlink_to(tools / "courant")
        (self.folder / "examples").symlink_to(ROOT / "examples")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COURANT")}
        return kept | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "COURANT_URL": f"http://127.0.0.1:{gateway}",
            "WHATSAPP_TOKEN": "t", "WHATSAPP_APP_SECRET": "s", "WHATSAPP_VERIFY_TOKEN": "v",
            "SMPP_PASSWORD": "p", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8",
        }

    def go(self):
        found = blocks(self.path)
        for block, below in zip(found, [*found[1:], None]):
            try:
                self.do(block, below)
            except Wrong as wrong:
                raise Wrong(f"{self.path.relative_to(ROOT)}:{block.line}: {wrong}") from None
        if self.configuration:
            self.check()
        return sum(block.language != "text" for block in found)

    def do(self, block, below):
        match (block.language, block.about):
            case ("sh", ""):
                self.printed = self.shell.run(self.ports.there(block.text))
            case ("sh", "background"):
                self.backgrounds.append(Background(
                    "exec " + self.ports.there(block.text).strip(), self.folder, self.environment))
            case ("sh", "eventually"):
                self.until_it_shows(block, below)
            case ("output", "background"):
                self.background_shows(block)
            case ("output", ""):
                if self.above is None or self.above.language != "sh":
                    raise Wrong("there is no command above this output")
                if self.above.about == "background":
                    self.background_shows(block)
                else:
                    self.shows(block)
            case ("toml", ""):
                self.configuration += block.text
            case ("text", ""):
                return
            case (("python" | "js" | "java" | "go" | "php"), path) if path:
                self.file(path, block.text)
            case _:
                raise Wrong(f"a block of the kind '{block.language} {block.about}' has no meaning here")
        self.above = block

    def shows(self, block):
        printed = steady(self.ports.back(self.printed))
        if not shape(block.text).fullmatch(printed):
            raise Wrong(f"the page says\n{steady(block.text)}\nbut it was\n{printed}")

    def until_it_shows(self, block, below):
        if below is None or (below.language, below.about) != ("output", ""):
            raise Wrong("there is no output to wait for")
        deadline = time.monotonic() + PATIENCE
        while True:
            # What finds nothing yet may fail.
            self.printed = self.shell.run("{\n" + self.ports.there(block.text) + "} || true")
            try:
                return self.shows(below)
            except Wrong:
                if time.monotonic() > deadline:
                    raise
            # Waiting for the next look, not for a time in which it should be done.
            time.sleep(0.05)

    def background_shows(self, block):
        wanted = shape(block.text)
        there = lambda text: wanted.search(steady(self.ports.back(text)))
        text = self.backgrounds[-1].output.until(there)
        if not there(text):
            raise Wrong(f"the page says\n{block.text}\nbut it was\n{self.ports.back(text)}")

    def file(self, path, text):
        original = ROOT / path
        if original.exists():
            if original.read_text() != text:
                raise Wrong(f"the block is not the same as {path}")
            return
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.ports.there(text))

    def check(self):
        configuration = self.folder / "of-the-page.toml"
        configuration.write_text(self.configuration)
        told = subprocess.run(
            [self.program, "check", "--config", configuration], env=self.environment, cwd=self.folder,
            text=True, capture_output=True, timeout=PATIENCE, check=False)
        if told.returncode != 0:
            raise Wrong(f"{self.path.relative_to(ROOT)}: its toml blocks: {told.stdout}{told.stderr}")

    def stop(self):
        self.shell.stop()
        for background in reversed(self.backgrounds):
            background.stop()


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def do(path, program):
    with tempfile.TemporaryDirectory(prefix="courant-docs-", ignore_cleanup_errors=True) as folder:
        page = Page(path, program, Path(folder))
        try:
            count = page.go()
        finally:
            page.stop()
    if count == 0:
        raise Wrong(f"{path.relative_to(ROOT)} has nothing to do")
    print(f"{path.relative_to(ROOT)}: {count} blocks are true", flush=True)


def main():
    program = Path(sys.argv[1]).resolve()
    for page in sys.argv[2:] or PAGES:
        do((ROOT / page).resolve(), program)


try:
    main()
except Wrong as wrong:
    sys.exit(f"NOT TRUE  {wrong}")
