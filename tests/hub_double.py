"""A hub of one data set over HTTP, as `huggingface_hub` asks one: commits, branches, large files.

It speaks the older way of uploading large files (LFS): the newer one (xet) is a protocol of binaries
on both sides, which a test cannot stand in for. It can refuse, be full, and cut the line.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

GOOD, READS = "hf_good", "hf_reads"
"""Tokens: one may write, one may only read."""
NAME = "ann/thrice-data"
Files = dict[str, bytes]


@dataclass
class Commit:
    """One commit: all files, and what was said with it."""

    id: str
    files: Files
    title: str = ""


@dataclass
class Hub:
    """What the hub stores, and how it behaves."""

    exists: bool = True
    private: bool = True
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    blobs: Files = field(default_factory=dict)
    refuse: Callable[[str, str], int | None] = lambda _method, _path: None
    """Status to answer instead, by method and path; 0 cuts the line without a word."""
    lose_answer: bool = False
    """A commit is stored, and the line is cut before that is said."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.add({".gitattributes": b"*.db filter=lfs\n"}, on=None, title="initial commit")

    @property
    def head(self) -> Commit:
        return self.commits[self.branches["main"]]

    def add(self, files: Files, *, on: str | None, title: str = "", branch: str = "main") -> str:
        id_ = hashlib.sha1(f"{len(self.commits)}{title}".encode()).hexdigest()
        before = self.commits[on].files if on else {}
        self.commits[id_] = Commit(id_, before | files, title)
        self.branches[branch] = id_
        return id_

    def at(self, revision: str) -> Commit | None:
        return self.commits.get(self.branches.get(unquote(revision), revision))

    def by_somebody(self, name: str, content: bytes = b"theirs") -> None:
        """Somebody else's commit."""
        self.add({name: content}, on=self.head.id, title="somebody else's")


class _Answers(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        hub, path = self.hub, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = self._chunks()
        hub.asked.append((self.command, path))
        status = hub.refuse(self.command, path)
        if status == 0:
            self.close_connection = True
            return
        if status is not None:
            self.say(status, {"error": f"refused with {status}"})
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not path.startswith("/lfs/") and token not in (GOOD, READS):
            self.say(401, {"error": "Invalid username or password."})
        else:
            self.route(path, body, may_write=token == GOOD or path.startswith("/lfs/"))

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 - the names that are called

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def route(self, path: str, body: bytes, *, may_write: bool) -> None:
        hub, api = self.hub, f"/api/datasets/{NAME}"
        writes = self.command in ("POST", "PUT") or path.endswith("/auth-check/write")
        if path == "/api/repos/create" and may_write:
            hub.exists = True
            hub.private = json.loads(body)["visibility"] == "private"
            self.say(200, {"url": f"{hub.url}/datasets/{NAME}", "name": NAME})
        elif writes and not may_write:
            self.say(403, {"error": "You don't have the rights to write here."})
        elif path.startswith("/lfs/"):
            self.keep_blob(path.removeprefix("/lfs/"), body)
        elif not hub.exists:
            self.say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif path == api:
            about = {"id": NAME, "sha": hub.head.id, "private": hub.private, "siblings": []}
            self.say(200, about | {"tags": [], "downloads": 0, "likes": 0})
        elif path.startswith(f"{api}/auth-check"):
            self.say(200, {})
        elif path.startswith(f"{api}/tree/"):
            self.tree(path.removeprefix(f"{api}/tree/"))
        elif path.startswith(f"/datasets/{NAME}/resolve/"):
            revision, _, name = path.removeprefix(f"/datasets/{NAME}/resolve/").partition("/")
            self.file(revision, unquote(name))
        elif path.startswith(f"{api}/preupload/"):
            files = json.loads(body)["files"]
            self.say(200, {"files": [_upload_of(one["path"]) for one in files]})
        elif path == f"/datasets/{NAME}.git/info/lfs/objects/batch":
            self.say(200, {"objects": [self.wanted(one) for one in json.loads(body)["objects"]]})
        elif path.startswith(f"{api}/branch/"):
            hub.branches[unquote(path.removeprefix(f"{api}/branch/"))] = json.loads(body)[
                "startingPoint"
            ]
            self.say(200, {})
        elif path.startswith(f"{api}/commit/"):
            self.commit(unquote(path.removeprefix(f"{api}/commit/")), body)
        else:
            self.say(404, {"error": f"the double knows no {self.command} {path}"})

    def wanted(self, one: dict[str, Any]) -> dict[str, Any]:
        if one["oid"] in self.hub.blobs:
            return one
        return one | {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}

    def keep_blob(self, oid: str, body: bytes) -> None:
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.blobs[oid] = body
        self.say(200, {})

    def tree(self, revision: str) -> None:
        commit = self.hub.at(revision)
        assert commit is not None
        files = [
            {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
            for name, content in commit.files.items()
        ]
        self.say(200, files)

    def file(self, revision: str, name: str) -> None:
        commit = self.hub.at(revision)
        if commit is None or name not in commit.files:
            self.say(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        content = commit.files[name]
        about = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": commit.id}
        self.say(200, content, about)

    def commit(self, branch: str, body: bytes) -> None:
        hub = self.hub
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit") != hub.branches.get(branch):
            self.say(412, {"error": "A commit has happened since. Please refresh and try again."})
            return
        added, removed = {}, set()
        for line in lines[1:]:
            value = line["value"]
            match line["key"]:
                case "file":
                    added[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    added[value["path"]] = hub.blobs[value["oid"]]
                case "deletedFile":
                    removed.add(value["path"])
        assert removed <= hub.commits[hub.branches[branch]].files.keys()
        done = hub.add(added, on=hub.branches[branch], title=header["summary"], branch=branch)
        for name in removed:
            del hub.commits[done].files[name]
        if hub.lose_answer:
            self.close_connection = True
            return
        address = f"{hub.url}/datasets/{NAME}/commit/{done}"
        self.say(200, {"commitUrl": address, "commitOid": done})

    def say(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _upload_of(path: str) -> dict[str, Any]:
    large = path.endswith((".db", ".safetensors"))
    return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}


def serve(hub: Hub) -> ThreadingHTTPServer:
    """Serves a hub on a free port until it is shut down; `hub.url` says where."""
    handler = type("Answers", (_Answers,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
