"""The hub of models, made up: its cache, and a server of its form."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FACTS = Path(__file__).parent / "fixtures" / "models.json"
COMMIT = "c0ffee" + "0" * 34


def cache(home: Path) -> Path:
    """A hub's cache (HF_HOME) with the small files of the published models, as the doctor leaves it."""
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    # The recorded files of three models of the family are without the template that they have on the hub.
    template = {"chat_template": facts["Qwen/Qwen2.5-1.5B"]["tokenizer_config"]["chat_template"]}
    for name, known in facts.items():
        if "/" in name:
            known["tokenizer_config"] = template | known["tokenizer_config"]
            folder = home / "hub" / f"models--{name.replace('/', '--')}"
            (folder / "refs").mkdir(parents=True)
            (folder / "refs/main").write_text(COMMIT)
            (folder / "snapshots" / COMMIT).mkdir(parents=True)
            for file in ("config", "generation_config", "tokenizer_config"):
                (folder / "snapshots" / COMMIT / f"{file}.json").write_text(json.dumps(known[file]))
    return home


class Hub:
    """A server of the hub's form with models of these folders, by name. `asked`: what it was asked for, in order.

    refuse: a status, and the hub's own code of it, for all that is asked of a model; gated: models whose files are
    not given; broken: a status for a file; drop: after so many bytes of a file the connection ends, so many times;
    hide_sizes: it does not tell a file's size; login: it is no hub, but the page of somebody's proxy.
    """

    def __init__(self, models: Mapping[str, Path]) -> None:
        self.models, self.asked = dict(models), list[str]()
        self.refuse: dict[str, tuple[int, str]] = {}
        self.gated: set[str] = set()
        self.broken: dict[str, int] = {}
        self.drop: dict[str, list[int]] = {}
        self.hide_sizes = self.login = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Hub]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def fetched(self, file: str = "") -> list[str]:
        """The files that were sent, or what was sent of one of them."""
        return [line for line in self.asked if re.match(rf"GET /[^/]+/[^/]+/resolve/[^/]+/{re.escape(file)}", line)]

    def files(self, name: str) -> dict[str, Path]:
        folder = self.models[name]
        return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}

    def _handler(hub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                hub.asked.append(f"{self.command} {path}{' ' + r if (r := self.headers.get('Range')) else ''}")
                found = re.match(r"/(?:api/models/)?([^/]+/[^/]+)", path)
                name = found[1] if found else ""
                if hub.login:
                    self.answer(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
                elif name in hub.refuse:
                    self.answer(hub.refuse[name][0], {"X-Error-Code": hub.refuse[name][1]})
                elif name not in hub.models:
                    self.answer(404, {"X-Error-Code": "RepoNotFound"})
                elif found := re.fullmatch(rf"/{name}/resolve/[^/]+/(.+)", path):
                    self.file(name, found[1])
                else:
                    sizes = {file: path.stat().st_size for file, path in hub.files(name).items()}
                    every = [{"type": "file", "path": file, "size": size, "oid": "0"} for file, size in sizes.items()]
                    siblings = [{"rfilename": file, "size": None if hub.hide_sizes else sizes[file]} for file in sizes]
                    self.json(every if "/tree/" in self.path else {"id": name, "sha": COMMIT, "siblings": siblings})

            def file(self, name: str, file: str) -> None:
                path = hub.files(name).get(file)
                head = {"X-Repo-Commit": COMMIT}
                if file in hub.broken:
                    self.answer(hub.broken[file], head)
                elif name in hub.gated:
                    self.answer(403, head | {"X-Error-Code": "GatedRepo"})
                elif path is None:
                    self.answer(404, head | {"X-Error-Code": "EntryNotFound"})
                else:
                    start = int(self.headers.get("Range", "bytes=0-")[6:-1])
                    data = path.read_bytes()
                    if start:
                        head["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
                    etag = f'"{hashlib.sha1(data).hexdigest()}"'
                    self.answer(206 if start else 200, head | {"ETag": etag}, data[start:])

            def json(self, data: Any) -> None:
                self.answer(200, {"Content-Type": "application/json"}, json.dumps(data).encode())

            def answer(self, status: int, head: Mapping[str, str], data: bytes = b"") -> None:
                self.send_response(status)
                for key, value in {**head, "Content-Length": str(len(data)), "Accept-Ranges": "bytes"}.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command != "GET":
                    return
                drops = hub.drop.get(self.path.rpartition("/")[2])
                if drops:
                    self.wfile.write(data[: drops.pop(0)])
                    self.close_connection = True
                else:
                    self.wfile.write(data)

        return Handler
