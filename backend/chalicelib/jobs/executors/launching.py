"""How a machine far away gets from a signed link to the worker program: one shell script, for every provider."""

from chalicelib.jobs.executors import DispatchFailed

LONGEST_TOLD = 200
_FITS = "import sys; sys.exit(sys.version_info < (3, 11))"
_SEARCH = (
    "for each in python3 python3.14 python3.13 python3.12 python3.11; do"
    f" $each -c '{_FITS}' 2>/dev/null && echo $each && break; done"
)
_PROGRAM = """\
import io, json, sys, tempfile, time, urllib.request, zipfile

def fetch(link):
    for pause in (1, 2, 4, 8, None):
        try:
            return urllib.request.urlopen(link, timeout=60).read()
        except OSError as error:
            if pause is None:
                sys.exit("Millrace cannot be reached: %s" % error)
            time.sleep(pause)

with tempfile.TemporaryDirectory() as folder:
    zipfile.ZipFile(io.BytesIO(fetch(json.loads(fetch(LINK))["program"]))).extractall(folder)
    sys.path.insert(0, folder)
    from chalicelib.work.main import main
    sys.exit(main(LINK))
"""


def refusal(provider: str, error: Exception) -> DispatchFailed:
    """What a provider says of why, cut before it could come to the script that it was given."""
    return DispatchFailed(f"{provider}: {str(error)[:LONGEST_TOLD]}")


def script(link: str) -> str:
    """For sh. The link stands in the program's text, which no list of processes shows."""
    program = f"LINK = {link!r}\n{_PROGRAM}"
    none = "echo 'Millrace needs Python 3.11 or newer here' >&2; exit 1"
    found = f'python=$({_SEARCH})\n[ -n "$python" ] || {{ {none}; }}\n'
    return f"{found}exec $python -I - <<'MILLRACE'\n{program}MILLRACE\n"
