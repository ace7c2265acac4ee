"""Tells of large files that came into a project, and of files that doubled since the last run.

An agent is any program that speaks MCP over an inherited socket: one JSON-RPC message a line. This
one needs nothing but Python's standard library.
"""

import json
import os
import socket
import sys
import time

VERSION = "2026-07-28"
SKIPPED = {".git", "target", "node_modules", ".venv", "__pycache__"}
# Findings a run tells of: more in one go are not read.
MOST = 10


class Refused(Exception):
    """The host said no; the agent may go on."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Host:
    """The host of this run: an MCP server on the other end of an inherited socket."""

    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ.get("AI_ONBOARD_HOST_FD", "3")))
        self.lines = self.socket.makefile("rb")
        self.next = 0

    def call(self, tool, **arguments):
        """Calls a tool and returns its structured content; waits when it asks too fast."""
        while True:
            try:
                return self.once(tool, arguments)
            except Refused as refused:
                if refused.code != "busy":
                    raise
                time.sleep(0.1)

    def once(self, tool, arguments):
        self.next += 1
        meta = {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "large-files", "version": "1"},
        }
        params = {"name": tool, "arguments": arguments, "_meta": meta}
        request = {"jsonrpc": "2.0", "id": self.next, "method": "tools/call", "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        line = self.lines.readline()
        if not line:
            sys.exit("the host has closed the connection")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"{tool}: {answer['error']['message']}")
        result = answer["result"]
        content = result["structuredContent"]
        if result["isError"]:
            raise Refused(content["code"], content["message"])
        return content


def sizes(root):
    """Size in bytes of every file of the project, by its path; links are not followed."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in files:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if os.path.isfile(path) and not os.path.islink(path):
                found[os.path.relpath(path, root)] = status.st_size
    return found


def shown(size):
    return f"{size / 1_000_000:.1f} MB"


def finding(rule, path, title, size):
    return {
        "rule": rule,
        "title": title,
        "severity": "low",
        "target": path,
        "action": "Keep it outside the repository, or in Git LFS, or make it smaller.",
        "evidence": [
            {"kind": "file", "text": path, "path": path},
            {"kind": "number", "text": "bytes", "value": size},
        ],
    }


def judge(now, before, limit):
    """What is worth telling: large files that are new to us, and large ones that doubled."""
    for path, size in sorted(now.items(), key=lambda item: -item[1]):
        # A path must fit the host's bounds and stand on one line.
        if size < limit or len(path.encode()) > 400 or not path.isprintable():
            continue
        last = before.get(path)
        if last is None:
            yield finding("large-files/large", path, f"{path[:120]} has {shown(size)}", size)
        elif size >= 2 * last:
            title = f"{path[:120]} grew from {shown(last)} to {shown(size)}"
            yield finding("large-files/growth", path, title, size)


def main():
    host = Host()
    task = host.call("get_task")
    limit = int(float(task["settings"].get("limit_mb", "1")) * 1_000_000)
    host.call("report_progress", done=0, total=2, note="looking at files")
    now = sizes(task["root"])
    host.call("report_progress", done=1, total=2, note="comparing with the last run")
    kept = host.call("load_checkpoint", name="sizes")["content"]
    before = json.loads(kept) if kept else {}
    new = 0
    told = list(judge(now, before, limit))
    for one in told[:MOST]:
        new += host.call("record_finding", **one)["status"] == "new"
    if len(told) > MOST:
        host.call("log", level="warn", text=f"{len(told)} large files, told of the largest {MOST}")
    # Only large ones are remembered: the memory stays small however large the project.
    unsaid = {one["target"] for one in told[MOST:]}
    large = {path: size for path, size in now.items() if size >= limit and path not in unsaid}
    host.call("save_checkpoint", name="sizes", content=json.dumps(large))
    summary = f"{len(now)} files, {len(large)} of {shown(limit)} or more, {new} new findings"
    host.call("finish", summary=summary, nothing_to_report=new == 0)


if __name__ == "__main__":
    main()
