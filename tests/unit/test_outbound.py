import pytest

from chalicelib.errors import Invalid
from chalicelib.outbound import NotSent, check_url, is_public, post

NOBODY = frozenset()


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
    ],
)
def test_addresses_that_are_not_of_the_open_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://box.local/hook",
        "http://example.org/hook",
        "ftp://example.org/hook",
        "https://user:pass@example.org/hook",
        "https://example.org/hook#part",
        "https://example.org:port/hook",
        "https://",
        "hook",
        "",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        f"https://example.org/{'x' * 2000}",
    ],
)
def test_urls_that_are_never_sent_to(url):
    with pytest.raises(Invalid):
        check_url(url, allowed=NOBODY)
    with pytest.raises(NotSent):
        post(url, b"", {}, allowed=NOBODY)


def test_a_public_url_is_taken():
    check_url("https://example.org:8443/hook?token=1", allowed=NOBODY)


def test_an_allowed_host_may_be_private_and_plain():
    check_url("http://127.0.0.1:9000/hook", allowed=frozenset({"127.0.0.1"}))
