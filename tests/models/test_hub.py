"""Files of the hub, fetched from a server of its kind on this machine: whole, or explained."""

import errno
import hashlib
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from perflow_demo.errors import Cancelled, LoadError, MissingFile
from perflow_demo.models.hub import Hub
from perflow_demo.models.spec import Repository

COMMIT = "1" * 40
WEIGHTS = bytes(range(256)) * 4096
FILES = {"unet/config.json": b"{}", "unet/model.v0-1.safetensors": WEIGHTS}
REPOSITORY = Repository("someone/model", variant="v0-1")


class Server(ThreadingHTTPServer):
    """Answers as the hub does; broken: how many downloads end in the middle."""

    broken = 0
    requests: list[tuple[str, str | None]]


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.requests.append((self.command, self.headers["Range"]))
        owner, name, _, _, path = self.path.lstrip("/").split("/", 4)
        fault = {"gated": (403, "GatedRepo"), "nobody": (404, "RepoNotFound")}.get(owner)
        if fault or path not in FILES:
            status, word = fault or (404, "EntryNotFound")
            self.send_response(status)
            self.send_header("X-Error-Code", word)
            if not fault:
                self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = FILES[path]
        start = int((self.headers["Range"] or "bytes=0-").split("=")[1].partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        # As of all that is large on the hub today: there is another way to its bytes.
        self.send_header("X-Xet-Hash", hashlib.sha256(content).hexdigest())
        self.send_header("X-Xet-Refresh-Route", "/api/token")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            end = len(content) // 2 if self.server.broken else None
            self.server.broken -= bool(end)
            self.wfile.write(content[start:end])

    def log_message(self, *words):
        pass


@pytest.fixture
def server(monkeypatch):
    # The library writes by chunks, and resumes after the last whole one.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**16)
    server = Server(("127.0.0.1", 0), Answers)
    server.requests = []
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def impatient(monkeypatch):
    """Without the pauses of the library between its attempts."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def hub(server, cache, repository=REPOSITORY, **options):
    endpoint = f"http://127.0.0.1:{server.server_port}"
    return Hub(repository, endpoint=endpoint, cache=cache, **options)


def test_a_file_is_fetched_once_in_its_variant_and_told(server, tmp_path):
    told = []
    source = hub(server, tmp_path, on_fetch=lambda *event: told.append(event))
    assert not source.has("unet/model.safetensors")
    path = source.file("unet/model.safetensors")
    assert path.read_bytes() == WEIGHTS
    title, done, total = told[-1]
    assert "someone/model unet/model.v0-1.safetensors at" in title and "MB/s" in title
    assert done == total == len(WEIGHTS)
    asked = len(server.requests)
    again = hub(server, tmp_path, offline=True)
    assert again.has("unet/model.safetensors") and again.file("unet/model.safetensors") == path
    assert len(server.requests) == asked


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.broken = 1
    assert hub(server, tmp_path).file("unet/model.safetensors").read_bytes() == WEIGHTS
    resumed = [start for command, start in server.requests if command == "GET" and start]
    assert resumed == [f"bytes={len(WEIGHTS) // 2}-"]


def test_a_file_that_never_came_whole_is_not_there(server, tmp_path, impatient):
    server.broken = 10**6
    source = hub(server, tmp_path)
    with pytest.raises(LoadError, match="files that are whole are kept"):
        source.file("unet/model.safetensors")
    assert not source.has("unet/model.safetensors")
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("owner", "words"), [("gated", "accept its terms.*HF_TOKEN"), ("nobody", "no repository")]
)
def test_a_closed_or_missing_repository_is_explained(server, tmp_path, owner, words):
    source = hub(server, tmp_path, Repository(f"{owner}/model"))
    with pytest.raises(LoadError, match=words):
        source.file("unet/config.json")


def test_a_file_the_repository_lacks_is_named(server, tmp_path):
    with pytest.raises(MissingFile, match=r"someone/model has no file vae/config\.json"):
        hub(server, tmp_path).file("vae/config.json")


def test_what_the_repository_lacks_is_asked_for_once(server, tmp_path, monkeypatch):
    """Weights come in a variant that not all have; some files nobody needs to have."""
    monkeypatch.setitem(FILES, "vae/model.safetensors", WEIGHTS)

    def load():
        source = hub(server, tmp_path)
        with pytest.raises(MissingFile, match="no file special_tokens_map"):
            source.file("special_tokens_map.json")
        return source.file("vae/model.safetensors")

    first, asked = load(), len(server.requests)
    server.shutdown()  # as without a network
    server.server_close()
    assert load() == first and len(server.requests) == asked


def test_offline_nothing_is_asked_for(server, tmp_path):
    with pytest.raises(MissingFile, match="PERFLOW_OFFLINE"):
        hub(server, tmp_path, offline=True).file("unet/config.json")
    assert server.requests == []


def test_without_a_network_the_sentence_says_so(tmp_path, impatient):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = Hub(REPOSITORY, endpoint=f"http://127.0.0.1:{port}", cache=tmp_path)
    with pytest.raises(LoadError, match=r"\(.*refused.*\); check the network"):
        source.file("unet/config.json")


def test_a_stop_ends_the_transfer_and_the_next_try_begins_anew(server, tmp_path):
    told = []

    def stop(title, done, total):
        told.append(done)
        raise Cancelled("The run was stopped.")

    with pytest.raises(Cancelled):
        hub(server, tmp_path, on_fetch=stop).file("unet/model.safetensors")
    assert told == [2**16]
    assert not [path for path in tmp_path.rglob("*") if "incomplete" in path.name]
    assert hub(server, tmp_path).file("unet/model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full.*HF_HOME"),
        (errno.EACCES, "cannot be written.*HF_HOME"),
        (errno.EROFS, "cannot be written.*HF_HOME"),
    ],
)
def test_a_disk_that_takes_nothing_is_explained(server, tmp_path, monkeypatch, number, words):
    """The refusal, since no disk of a test's own can be filled, nor closed to its owner."""

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number), "/srv/hub")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", refuse)
    with pytest.raises(LoadError, match=words) as caught:
        hub(server, tmp_path).file("unet/model.safetensors")
    assert "/srv/hub" not in str(caught.value)
