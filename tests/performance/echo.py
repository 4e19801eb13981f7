"""The cheapest HTTP server there is, to find what the generator itself can do. Prints its port."""

import select
import socket

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def main() -> None:
    door = socket.create_server(("127.0.0.1", 0), backlog=200)
    print(door.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(door, select.EPOLLIN)
    guests: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == door.fileno():
                guest, _ = door.accept()
                guests[guest.fileno()] = guest
                poll.register(guest, select.EPOLLIN)
            elif guests[descriptor].recv(65_536):
                guests[descriptor].sendall(ANSWER)
            else:
                poll.unregister(descriptor)
                guests.pop(descriptor).close()


if __name__ == "__main__":
    main()
