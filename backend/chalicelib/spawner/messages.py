"""Messages over sockets, with files."""

import _socket


def tell(control: _socket.socket, words: str) -> None:
    try:  # noqa: SIM105  # without contextlib
        control.send(words.encode(errors="replace")[:1000], _socket.MSG_NOSIGNAL)
    except OSError:
        pass  # the worker does not want to know any more


def refuse(control: _socket.socket, error: OSError | ValueError) -> None:
    """In the words of a child that fails to become a shell, where there is a number."""
    if isinstance(error, OSError):
        tell(control, "OSError:")
        tell(control, f"{error.errno:x}")
    else:
        tell(control, f"N{error}")


def receive(sock: _socket.socket) -> tuple[bytes, list[int]]:
    """A message and its files; nothing and none when the other end is gone."""
    try:
        data, ancillary, _, _ = sock.recvmsg(8192, _socket.CMSG_SPACE(3 * 4), _socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return b"", []
    return data, [fd for _, _, part in ancillary for fd in memoryview(part).cast("i").tolist()]
