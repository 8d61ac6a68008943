"""nginx as the bench's upstream, and as the fast peer: split_clients and mirror."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import mix
from bench.processes import listening, running

MISSING = "nginx is not installed; apt-get install nginx-light for its rows and for a faster upstream"


def available() -> bool:
    """Whether nginx can be run."""
    return shutil.which("nginx") is not None


@asynccontextmanager
async def serving(folder: Path, name: str, http: str, port: int) -> AsyncIterator[int]:
    """One nginx with one worker and ``http`` as its configuration; yields its process id."""
    home = folder / name
    home.mkdir()
    config, log = home / "nginx.conf", folder / f"{name}.log"
    config.write_text(_WHOLE.format(home=home, http=http))
    async with running(["nginx", "-p", home, "-e", "stderr", "-c", config], log) as process:
        await listening(process, port, log)
        yield process.pid


_WHOLE = """
daemon off; worker_processes 1; pid {home}/pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000; ssl_protocols TLSv1.2 TLSv1.3;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    default_type "text/html; charset=UTF-8";
    {http}
}}
"""


def upstream(ports: dict[str, tuple[int, int]], pem: Path) -> str:
    """Both arms of the bench: each listens on (a plain, a TLS) port.

    Ids are unique and digits only: the connection's serial number and the request's place in it.
    """
    replies = "".join(f"'{action}:' '{body}';" for action, body in mix.REPLIES.items())
    servers = "".join(
        f"""server {{
            listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096;
            ssl_certificate {pem}; ssl_certificate_key {pem};
            location / {{ return 200 $reply; }}
        }}"""
        for plain, tls in ports.values()
    )
    return f"""
    map $connection_requests $nth {{
        "~^(?<n>.)$" 00000$n; "~^(?<n>..)$" 0000$n; "~^(?<n>...)$" 000$n;
        "~^(?<n>....)$" 00$n; "~^(?<n>.....)$" 0$n; default $connection_requests;
    }}
    map $arg_action:$arg_poll $reply {{
        default BAD_ACTION; {replies}
        getStatus:last {mix.LAST_POLL}; getNumber: ACCESS_NUMBER:$connection$nth:{mix.PHONE};
    }}
    {servers}
    """


def split_clients(port: int, arms: dict[str, int], ca: Path | None) -> str:
    """A reverse proxy that sends 5 % of the requests to the new arm; nothing is sticky."""
    return f"""
    {_groups(arms)}
    split_clients $request_id $arm {{ 5% new; * old; }}
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {_pass("$arm", ca)} }} }}
    """


def mirror(port: int, arms: dict[str, int], ca: Path | None) -> str:
    """A reverse proxy that repeats every request to the new arm, purchases too."""
    return f"""
    {_groups(arms)}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ mirror /mirror; {_pass("old", ca)} }}
        location = /mirror {{ internal; {_pass("new$request_uri", ca)} }}
    }}
    """


def _groups(arms: dict[str, int]) -> str:
    return "".join(
        f"upstream {arm} {{ server 127.0.0.1:{port}; keepalive 64; }}" for arm, port in arms.items()
    )


def _pass(where: str, ca: Path | None) -> str:
    trust = (
        f"proxy_ssl_trusted_certificate {ca}; proxy_ssl_verify on; proxy_ssl_name localhost;" if ca else ""
    )
    scheme = "https" if ca else "http"
    return f'proxy_pass {scheme}://{where}; proxy_http_version 1.1; proxy_set_header Connection ""; {trust}'
