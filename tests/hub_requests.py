"""What the tests' hub holds, and how it answers a request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import yaml

if TYPE_CHECKING:
    from tests.hub_server import HubServer

LARGE = (".safetensors", ".bin")
KINDS = {"models": "", "datasets": "datasets/"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Repository:
    """Its files by path, each whole, the commits' messages, and whether a token is needed to read it."""

    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    private: bool = False

    @property
    def revision(self) -> str:
        """Of what is in it now; 40 hexadecimal digits."""
        digest = hashlib.sha1(str(len(self.commits)).encode())
        for path, content in sorted(self.files.items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        """What a listing says of a file."""
        content = self.files[path]
        entry = {"type": "file", "path": path, "size": len(content), "oid": _oid(content)}
        if path.endswith(LARGE):
            entry["lfs"] = {"oid": _sha256(content), "size": len(content), "pointerSize": 134}
        return entry


class _RefusedError(Exception):
    """An answer other than 200; more: what its body says beside the message."""

    def __init__(self, status: int, message: str, code: str = "", **more: str) -> None:
        super().__init__(message)
        self.status, self.code, self.more = status, code, more


class HubRequest(BaseHTTPRequestHandler):
    hub: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None:
        """Keeps the test's output clean."""

    def _answer(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        path = unquote(self.path.partition("?")[0])
        method = "GET" if self.command == "HEAD" else self.command
        # The whole body is read, even of what is refused: the client would see a broken connection.
        self.body = self._read_body()
        try:
            for verb, pattern, route in ROUTES:
                match = re.fullmatch(pattern, path)
                if verb == method and match:
                    route(self, **match.groupdict())
                    return
            raise _RefusedError(404, f"no {method} {path}")
        except _RefusedError as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
            self._send(
                json.dumps({"error": str(refused), **refused.more}).encode(),
                JSON | headers,
                status=refused.status,
            )

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, content: bytes, headers: Mapping[str, str], *, status: int = 200) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_json(self, content: Any) -> None:
        self._send(json.dumps(content).encode(), JSON)

    def _token(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise _RefusedError(401, "Invalid credentials in Authorization header")
        return token or None

    def _require_writer(self, organisation: str) -> None:
        token = self._token()
        if token is None:
            raise _RefusedError(401, "Invalid username or password.")
        if organisation not in self.hub.tokens[token]:
            raise _RefusedError(
                403, f"You don't have the rights to create a model under the namespace {organisation!r}"
            )

    def _repository(self, kind: str, name: str) -> Repository:
        token = self._token()
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and token is None):
            # The hub doesn't tell a stranger what there is.
            raise _RefusedError(404 if token else 401, "Repository not found", "RepoNotFound")
        return found

    def create(self) -> None:
        asked = json.loads(self.body)
        kind, name = f"{asked.get('type') or 'model'}s", f"{asked['organization']}/{asked['name']}"
        self._require_writer(asked["organization"])
        address = f"{self.hub.url}/{KINDS[kind]}{name}"
        if (kind, name) in self.hub.repositories:
            # The client takes the address from the refusal where the repo may be there.
            raise _RefusedError(409, "You already created this model repo", url=address)
        self.hub.repositories[kind, name] = Repository(private=asked.get("visibility") == "private")
        self._send_json({"url": address})

    def check_card(self) -> None:
        content = json.loads(self.body)["content"]
        front = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        warnings = [] if front else [{"message": "empty or missing yaml metadata in repo card"}]
        try:
            found = yaml.safe_load(front[1]) if front else {}
        except yaml.YAMLError:
            found = None
        if not isinstance(found, dict):
            self._send(b'{"errors": [{"message": "the metadata is no YAML"}]}', JSON, status=400)
            return
        self._send_json({"errors": [], "warnings": warnings})

    def preupload(self, kind: str, name: str) -> None:
        self._require_writer(name.partition("/")[0])
        there = self._repository(kind, name).files
        self._send_json(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                        "shouldIgnore": False,
                        "oid": _oid(there[file["path"]]) if file["path"] in there else None,
                    }
                    for file in json.loads(self.body)["files"]
                ]
            }
        )

    def lfs_batch(self, name: str, prefix: str) -> None:
        self._require_writer(name.partition("/")[0])
        objects = []
        for one in json.loads(self.body)["objects"]:
            upload = {"href": f"{self.hub.url}/large/{one['oid']}"}
            known = one["oid"] in self.hub.large
            objects.append(
                {"oid": one["oid"], "size": one["size"]} | ({} if known else {"actions": {"upload": upload}})
            )
        self._send_json({"transfer": "basic", "objects": objects})

    def put_large(self, oid: str) -> None:
        if _sha256(self.body) != oid:
            raise _RefusedError(400, "the content has another hash")
        self.hub.large[oid] = self.body
        self._send(b"", {"ETag": f'"{oid}"'})

    def commit(self, kind: str, name: str) -> None:
        self._require_writer(name.partition("/")[0])
        repository = self._repository(kind, name)
        lines = [json.loads(line) for line in self.body.splitlines()]
        changed = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.large:
                    raise _RefusedError(400, f"{value['path']}: its content was never uploaded")
                changed[value["path"]] = self.hub.large[value["oid"]]
        repository.files.update(changed)
        repository.commits.append(lines[0]["value"]["summary"])
        url = f"{self.hub.url}/{KINDS[kind]}{name}/commit/{repository.revision}"
        self._send_json({"success": True, "commitOid": repository.revision, "commitUrl": url})

    def info(self, kind: str, name: str, revision: str | None = None) -> None:
        repository = self._repository(kind, name)
        _require_revision(repository, revision)
        siblings = [{"rfilename": path, "size": len(one)} for path, one in sorted(repository.files.items())]
        facts = {"id": name, "sha": repository.revision, "private": repository.private, "tags": []}
        self._send_json(facts | {"siblings": siblings})

    def tree(self, kind: str, name: str, revision: str) -> None:
        repository = self._repository(kind, name)
        _require_revision(repository, revision)
        self._send_json([repository.entry(path) for path in sorted(repository.files)])

    def file(self, prefix: str, name: str, revision: str, path: str) -> None:
        repository = self._repository("datasets" if prefix else "models", name)
        _require_revision(repository, revision)
        if self.hub.broken:
            raise _RefusedError(404, "broken")
        if path not in repository.files:
            raise _RefusedError(404, "Entry not found", "EntryNotFound")
        content = repository.files[path]
        commit = {"X-Repo-Commit": repository.revision}
        if not path.endswith(LARGE):
            self._send(content, commit | {"ETag": f'"{_oid(content)}"'})
            return
        digest = _sha256(content)
        self.hub.large[digest] = content
        # Another host than the hub's, as there: the client then keeps the token from it.
        location = f"{self.hub.url}/large/{digest}".replace("127.0.0.1", "localhost")
        linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        self._send(b"", commit | linked | {"Location": location}, status=302)

    def get_large(self, oid: str) -> None:
        if oid not in self.hub.large:
            raise _RefusedError(404, "no such object")
        content, headers = self.hub.large[oid], {"ETag": f'"{oid}"'}
        if not self.hub.stalled:
            self._send(content, headers)
            return
        self._send(content[: len(content) // 2], headers | {"Content-Length": str(len(content))})
        self.hub.halfway.set()
        self.hub.closed.wait()


_API = r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"
_PLAIN = r"/(?P<prefix>datasets/)?(?P<name>[^/]+/[^/]+)"
ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("POST", "/api/repos/create", HubRequest.create),
    ("POST", "/api/validate-yaml", HubRequest.check_card),
    ("POST", f"{_API}/preupload/main", HubRequest.preupload),
    ("POST", f"{_API}/commit/main", HubRequest.commit),
    ("POST", rf"{_PLAIN}\.git/info/lfs/objects/batch", HubRequest.lfs_batch),
    ("PUT", "/large/(?P<oid>[0-9a-f]{64})", HubRequest.put_large),
    ("GET", "/large/(?P<oid>[0-9a-f]{64})", HubRequest.get_large),
    ("GET", _API, HubRequest.info),
    ("GET", f"{_API}/revision/(?P<revision>[^/]+)", HubRequest.info),
    ("GET", f"{_API}/tree/(?P<revision>[^/]+)", HubRequest.tree),
    ("GET", f"{_PLAIN}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", HubRequest.file),
)


def _require_revision(repository: Repository, revision: str | None) -> None:
    if revision not in (None, "main", repository.revision):
        raise _RefusedError(404, "Invalid rev id", "RevisionNotFound")


def _oid(content: bytes) -> str:
    """As git names a file's content."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
