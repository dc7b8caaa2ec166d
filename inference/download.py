# SPDX-License-Identifier: GPL-3.0-or-later
"""A file by https, that goes on where it was stopped and takes its name only when its hash is right."""

import contextlib
import http.client
import os
import re
import shutil
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from typing import IO, Any

from . import catalogue
from .errors import MatteError

CHUNK = 1 << 18  # bytes
PATIENCE = 30.0  # seconds without a byte, after which the connection is taken to be lost
PART, TAG = ".part", ".part.tag"  # endings: of what is there so far, and of what tells the server's file from another
OTHERWISE = "Try again later, or get the file on another machine and add it here"


def fetch(address: str, path: str, size: int, sha256: str) -> Generator[int, None, None]:
    """Download a file. Yields the bytes that are there, again and again; close the generator to stop.

    address: https, and so is every address that it leads to. path: the file's, in a folder that is there.
    size, sha256: bytes and hash of the whole file.
    What is there when it stops for whatever reason stays beside `path`, and the next call goes on from it, where the
    server has the same file still. A file with another hash is thrown away. Raises MatteError with a sentence.
    """
    _check_https(address)
    have, tag = _kept(path, size)
    yield have
    if have < size:
        _check_room(path, size - have)
        with contextlib.closing(_ask(address, path, have, tag)) as answer:
            yield from _write(answer, path, _start(answer, path, have, size), size)
    _finish(path, sha256)


def kept(path: str, size: int) -> int:
    """Bytes that an earlier download has left, and that the next goes on from. size: of the whole file."""
    return _kept(path, size)[0]


def discard(path: str) -> None:
    """Remove what an earlier download has left. Raises OSError."""
    for ending in (PART, TAG):
        if os.path.lexists(path + ending):
            os.unlink(path + ending)


def bring(source: str, folder: str) -> catalogue.Network:
    """Copy a file of the catalogue's, whatever its name, into a folder under its own name.

    Raises MatteError where the catalogue does not know the file, and where it can not be copied.
    """
    network = catalogue.recognised(source)
    if network is None:
        raise MatteError(
            f'"{source}" is none of the listed models: its size or its hash is another. To use it all the same, set '
            "Model File to it, and a scene's Model to Model File"
        )
    path = os.path.join(folder, network.file)
    with _writing(path):
        _check_room(path, network.size)
        try:
            shutil.copyfile(source, path + PART)
        except BaseException:
            discard(path)
            raise
    _finish(path, network.sha256)
    return network


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Where a server leads elsewhere, over https alone."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_https(address: str) -> None:
    if urllib.parse.urlsplit(address).scheme != "https":
        raise MatteError(f'"{address}" is not a safe address: only https is used. {OTHERWISE}')


def _kept(path: str, size: int) -> tuple[int, str]:
    """How many bytes are there, and the server's tag for them. Without a tag they can not be gone on from."""
    have, tag = os.path.getsize(path + PART) if os.path.isfile(path + PART) else 0, ""
    if os.path.isfile(path + TAG):
        with open(path + TAG, encoding="ascii", errors="replace") as file:
            tag = file.read(1000).strip()
    if have == size:
        return have, tag
    return (have, tag) if tag and have < size else (0, "")


def _check_room(path: str, needed: int) -> None:
    folder = os.path.dirname(path)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise MatteError(f'"{folder}" can not be used: {error.strerror}. Make it writable, and try again') from error
    if needed > free:
        raise MatteError(
            f'{_megabytes(needed)} more are needed where "{folder}" is, and {_megabytes(free)} are free. Make room, '
            "and try again"
        )


def _ask(address: str, path: str, have: int, tag: str) -> Any:
    """The server's answer to a request for all but the first `have` bytes."""
    host = urllib.parse.urlsplit(address).hostname
    request = urllib.request.Request(address)
    if have:
        # With If-Range the server sends the whole file where it is another one now: RFC 9110, 13.1.5.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag)
    try:
        return _opener().open(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            with _writing(path):
                discard(path)
        raise MatteError(f'{host} answered "{error.code} {error.reason}". {OTHERWISE}') from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise MatteError(
                f"{host} can not prove that it is what it says ({error.reason.verify_message}). Look at this machine's "
                "date and time, and whether something on the way to the network alters connections"
            ) from error
        raise MatteError(f"{host} can not be reached ({error.reason}). Look at the network. {OTHERWISE}") from error
    except (OSError, http.client.HTTPException) as error:
        raise MatteError(f"{host} can not be reached ({_said(error)}). Look at the network. {OTHERWISE}") from error


def _opener() -> urllib.request.OpenerDirector:
    """What opens https and nothing else; urllib's own opens files and ftp too. It takes the system's proxies."""
    try:
        context = ssl.create_default_context()
    except ssl.SSLError as error:  # a certificate in the system's store that can not be read
        raise MatteError(f"This machine's certificates can not be used ({error}). {OTHERWISE}") from error
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _OnlyHttps(),
    ):
        opener.add_handler(handler)
    return opener


def _start(answer: Any, path: str, have: int, size: int) -> int:
    """The byte at which an answer begins. MatteError where it belongs to another file than the one that is wanted."""
    if answer.status == http.client.PARTIAL_CONTENT:
        start, length = have, size - have
        told = answer.headers.get("Content-Range", "")
        good = re.fullmatch(rf"bytes {have}-\d+/(\*|{size})", told) is not None
    else:
        start, length, good = 0, size, True
    if not good or answer.length not in (None, length):  # None where the server does not tell
        with _writing(path):
            discard(path)
        raise MatteError(f"The server has another file now, and not the one that is listed. {OTHERWISE}")
    if not start:
        _remember(answer, path)
    return start


def _remember(answer: Any, path: str) -> None:
    """Begin anew, with what tells this file of the server's from another: a weak ETag does not."""
    etag = answer.headers.get("ETag", "")
    tag = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    with _writing(path):
        discard(path)
        if tag:
            with open(path + TAG, "w", encoding="ascii", errors="replace") as file:
                file.write(tag)


def _write(answer: Any, path: str, start: int, size: int) -> Generator[int, None, None]:
    """The answer's bytes, into the part from `start` on. Yields how many are there."""
    done = start
    with _writing(path), open(path + PART, "r+b" if start else "wb") as file:
        file.seek(start)
        while done < size:
            chunk = _read(answer, done, size)
            _put(file, chunk[: size - done])
            done = file.tell()
            yield done


def _read(answer: Any, done: int, size: int) -> bytes:
    try:
        chunk: bytes = answer.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise MatteError(_broken(done, size, _said(error))) from error
    if not chunk:
        raise MatteError(_broken(done, size, "the server ended it"))
    return chunk


def _put(file: IO[bytes], chunk: bytes) -> None:
    file.write(chunk)
    file.flush()  # what is counted is on its way to the disk, and a full disk is found now


def _finish(path: str, sha256: str) -> None:
    """Give the part its name, where it is the right file; throw it away where not."""
    with _writing(path):
        if catalogue.sha256(path + PART) != sha256:
            discard(path)
            raise MatteError(
                "What arrived is not the listed file: its hash is another. It is thrown away. Something on the way may "
                f"have altered it. {OTHERWISE}"
            )
        os.replace(path + PART, path)
        discard(path)


@contextlib.contextmanager
def _writing(path: str) -> Generator[None, None, None]:
    """Sentences for what a disk refuses."""
    try:
        yield
    except OSError as error:
        raise MatteError(
            f'"{path}" can not be written: {error.strerror}. Make room or make the folder writable, and try again: '
            "what is there is kept"
        ) from error


def _broken(done: int, size: int, why: str) -> str:
    return f"The connection broke after {done * 100 // size}% ({why}). Download again: it goes on from there"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _megabytes(content: float) -> str:
    return f"{content / 1e6:.1f} MB"
