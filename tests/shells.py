"""How tests run orders."""

from chalicelib.shells import Outcome, Shells, Stop


class Trial:
    """One slot and what its last order printed."""

    def __init__(self, shells: Shells, slot: int = 0) -> None:
        self.shells = shells
        self.slot = slot
        self.folder = shells.prepare(slot)
        self.output = b""

    def __call__(self, *commands: str, timeout: float = 20, stop: Stop | None = None, **env: str) -> Outcome:
        pieces: list[bytes] = []
        try:
            return self.shells.run(
                self.slot,
                commands=commands,
                env=env,
                timeout=timeout,
                on_output=pieces.append,
                stop=stop or Stop(),
            )
        finally:
            self.output = b"".join(pieces)
