"""How a worker process is told to end."""

import signal
import sys
import threading

from chalicelib.worker import StopRequest


def test_who_was_asked_waits_no_longer():
    asked = StopRequest()
    asked.ask(signal.SIGTERM)
    assert asked.wait(10)


def test_being_asked_while_being_asked_does_no_harm():
    asked = StopRequest()
    depth = []

    def ask_again(*_):
        # As a second signal does, which comes at any moment of the first one's handler.
        if not depth:
            depth.append(1)
            asked.ask(signal.SIGTERM)
            depth.pop()
        return ask_again

    def ask():
        sys.settrace(ask_again)
        asked.ask(signal.SIGTERM)
        sys.settrace(None)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    assert not asking.is_alive()
    assert asked.wait(10)
