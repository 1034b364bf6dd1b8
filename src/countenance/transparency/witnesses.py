"""The log's side of c2sp.org/tlog-witness: asking witnesses for their cosignatures.

A witness is another party's machine and may be broken, slow or hostile: all that it sends is bounded in
bytes and in time, and nothing of it is kept but a cosignature that its key verifies.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Literal

from countenance.errors import CountenanceError, SetupError
from countenance.transparency.bounded_http import Answer, BoundedHttp, NoAnswer
from countenance.transparency.note import COSIGNATURE, Note, NoteInvalid, Verifier, encode_base64

DEFAULT_TIMEOUT_S = 5.0
MAX_CLOCKS_APART_S = 600
"""A cosignature says when a checkpoint was seen: by a clock further off it would not be so."""
Prove = Callable[[int], Sequence[bytes]]
"""Old size, over 0 and under the checkpoint's → the consistency proof from it."""
Refusal = Literal["unknown_log", "untrusted_key", "rolled_back", "forked", "inconsistent", "malformed"]

_ATTEMPTS = 3
"""The first may have to learn the witness's size; one more, should another process of ours be quicker."""
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_REFUSALS: dict[int, Refusal] = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.FORBIDDEN: "untrusted_key",
    HTTPStatus.NOT_FOUND: "unknown_log",
    HTTPStatus.UNPROCESSABLE_ENTITY: "inconsistent",
}


class WitnessUnavailable(CountenanceError):
    """The witness gave no answer of use: try again later."""


class WitnessRefused(CountenanceError):
    """The witness will not cosign this checkpoint, however often it is asked.

    Attributes:
        reason: "rolled_back" where the witness has cosigned a larger tree of this log, "forked" where one of
            the same size and another root, "inconsistent" where the proof does not verify; the others say
            that log and witness are not configured for each other.
        witness_size: of "rolled_back" and "forked", the size that it has cosigned.
    """

    def __init__(self, message: str, *, reason: Refusal, witness_size: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.witness_size = witness_size


class WitnessClient:
    """One witness, asked over a connection that is kept. For any number of threads, served one by one.

    Args:
        url: the submission prefix; `/add-checkpoint` is put behind it.
        verifier: the witness's cosignature key.
        timeout_s: for the connection to be made, and once more for one request and its whole answer.
        clock: ours, Unix seconds, which the witness's is held against.

    Raises:
        SetupError: the URL or the key is not of the kind.
    """

    def __init__(
        self,
        url: str,
        verifier: Verifier,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if verifier.algorithm != COSIGNATURE:
            raise SetupError(
                f"the key of `{verifier.name}` is no witness's",
                remedy="give the key that `countenance witness init` printed",
            )
        self.url = url.rstrip("/")
        self.verifier = verifier
        self._http = BoundedHttp(self.url, timeout_s=timeout_s)
        self._known_size = 0
        self._clock = clock
        self._newest_s = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self.verifier.name

    def submit(self, note_text: str, size: int, prove: Prove) -> str:
        """The witness's cosignature of a signed checkpoint: its line, verified.

        Args:
            note_text: the whole note, the log's signature included.
            size: the checkpoint's tree size.
            prove: called for each size, over 0 and under `size`, that the witness turns out to have.

        Raises:
            WitnessUnavailable: it cannot be reached, is too slow, answers nonsense, or its clock is wrong.
            WitnessRefused: it will not, and says why.
        """
        with self._lock:
            for _ in range(_ATTEMPTS):
                old = min(self._known_size, size)
                proof = prove(old) if 0 < old < size else ()
                answer = self._ask("POST", "/add-checkpoint", _request(old, proof, note_text))
                if answer.status == HTTPStatus.OK:
                    line = self._cosignature(note_text, answer.body)
                    self._known_size = size
                    return line
                if answer.status != HTTPStatus.CONFLICT:
                    raise self._refused(answer)
                self._known_size = self._conflicting(answer, old=old, size=size)
        raise WitnessUnavailable(f"witness `{self.name}` changes its size faster than it can be asked")

    def heads(self) -> str:
        """What the witness last cosigned of each log, as it says: `parse_heads` takes it apart.

        Raises:
            WitnessUnavailable: as of `submit`.
        """
        with self._lock:
            answer = self._ask("GET", "/heads")
        if answer.status != HTTPStatus.OK:
            raise WitnessUnavailable(f"witness `{self.name}` answered {answer.status} for its heads")
        return answer.body.decode(errors="replace")

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        with self._lock:
            self._http.close()

    def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        try:
            return self._http.exchange(method, path, body)
        except NoAnswer as error:
            raise WitnessUnavailable(f"witness `{self.name}`: {error}") from error

    def _cosignature(self, note_text: str, body: bytes) -> str:
        text = Note.parse(note_text).text
        try:
            answered = Note.parse(f"{text}\n{body.decode()}")
            is_ours = answered.text == text and bool(answered.signed_by([self.verifier]))
        except (UnicodeDecodeError, NoteInvalid):
            is_ours = False
        line = answered.find_signature(self.verifier) if is_ours else None
        if line is None:
            raise WitnessUnavailable(f"witness `{self.name}` answered without a valid cosignature of its key")
        self._require_sane_time(line.timestamp_s)
        return str(line)

    def _require_sane_time(self, timestamp_s: int) -> None:
        ours_s = int(self._clock())
        if abs(timestamp_s - ours_s) > MAX_CLOCKS_APART_S:
            raise WitnessUnavailable(
                f"witness `{self.name}` cosigned with the time {timestamp_s} and our clock says {ours_s}: "
                f"one of the two is wrong, they must be within {MAX_CLOCKS_APART_S} s"
            )
        if timestamp_s < self._newest_s:
            raise WitnessUnavailable(
                f"witness `{self.name}` cosigned with the time {timestamp_s}, before {self._newest_s}, the "
                "time of an earlier cosignature: its clock went backwards"
            )
        self._newest_s = timestamp_s

    def _refused(self, answer: Answer) -> CountenanceError:
        reason = _REFUSALS.get(answer.status)
        if reason is None:
            return WitnessUnavailable(f"witness `{self.name}` answered {answer.status}")
        return WitnessRefused(f"witness `{self.name}` refused: {reason} ({answer.status})", reason=reason)

    def _conflicting(self, answer: Answer, *, old: int, size: int) -> int:
        """The witness's size, if it is one to go on from."""
        found = _SIZE.fullmatch(answer.body)
        if found is None:
            raise WitnessUnavailable(f"witness `{self.name}` answered 409 without a tree size")
        theirs = int(found[1])
        if theirs > size:
            raise WitnessRefused(
                f"witness `{self.name}` has cosigned {theirs} entries of this log, over {size}: "
                "the log was rolled back",
                reason="rolled_back",
                witness_size=theirs,
            )
        if theirs == old == size:
            raise WitnessRefused(
                f"witness `{self.name}` has cosigned another tree of {size} entries: the log was forked",
                reason="forked",
                witness_size=theirs,
            )
        if theirs == old:
            raise WitnessUnavailable(f"witness `{self.name}` answered 409 to the very size that it has")
        return theirs


def parse_witnesses(text: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> list[WitnessClient]:
    """The setting `witnesses`: `VKEY=URL`, comma-separated; empty means none.

    Raises:
        SetupError: a part is not of that form, or one witness is named twice (it would count twice).
    """
    clients: list[WitnessClient] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        vkey, separator, rest = part.partition("=http")  # base64 padding may end the key with `=`
        try:
            verifier = Verifier.parse(vkey if separator else "")
        except ValueError:
            raise SetupError(
                f"`{part}` is no witness",
                remedy="write VKEY=URL as in w1.example+0a1b2c3d+BAbc...=https://w1.example",
            ) from None
        if any(verifier.public_key == client.verifier.public_key for client in clients):
            raise SetupError(f"the witness `{verifier.name}` is named twice", remedy="name each witness once")
        clients.append(WitnessClient(f"http{rest}", verifier, timeout_s))
    return clients


def parse_heads(text: str) -> list[Note]:
    """The notes of `GET /heads`; who signed them is for the caller to verify.

    Raises:
        NoteInvalid: it is not such a list.
    """
    blocks = text.split("\n\n") if text else []  # a checkpoint has no empty line: text and lines take turns
    pairs = zip(blocks[::2], blocks[1::2], strict=False)
    notes = [Note.parse(words + "\n\n" + lines.removesuffix("\n") + "\n") for words, lines in pairs]
    if "\n".join(map(str, notes)) != text:
        raise NoteInvalid("a list of heads is notes with an empty line between two")
    return notes


def _request(old: int, proof: Sequence[bytes], note_text: str) -> bytes:
    lines = "".join(f"{encode_base64(digest)}\n" for digest in proof)
    return f"old {old}\n{lines}\n{note_text}".encode()
