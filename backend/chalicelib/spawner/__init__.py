"""The process that starts shells: small, single-threaded, one per worker, and used through `chalicelib.shells`.

It runs under a bare interpreter (`python -I -S`) on built-in modules alone, some of them private: what is built upon
them (`socket`, `signal`, `subprocess`, `pathlib`, `contextlib`) would double its memory. On a socket the worker hands
it leases (one file: the lock) and orders (three files: the run's own socket, the output pipe, and the order file, whose
beginning, up to its position, is a marshalled header). End of file there is the worker's death, on which everything
started is killed. On the run's socket the spawner answers `N<reason>` (not started) or `E<wait status>` (ended), and
hears `T` (ask it to end) and `K` or end of file (kill it). A child that fails to become a shell says `OSError:`, the
error's number in hexadecimal, and more, in a message each.

Its parent, the guard, outlives it just long enough to kill what it started, should it be killed itself.
"""
