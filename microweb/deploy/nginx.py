"""nginx in front of the application: its site, and a configuration to try the site with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .site import WEB_USER, Site

_PARAMS = "/etc/nginx/uwsgi_params"
_TYPES = "/etc/nginx/mime.types"


def site_file(site: Site) -> str:
    """Return the site, for ``/etc/nginx/sites-enabled``.

    :param site: The site.
    """
    blocks = [_upstream(site)]
    if site.certificate is not None and site.address is None:
        blocks.append(_to_https(site))
    body = [_names(site), _limits(site), *_static(site), *_internal(site), _application(site)]
    if site.domains and port(site) == "80":
        body.insert(2, _challenge())
    blocks.append(_block("server", "\n".join(body)))
    return "\n".join(blocks)


def main_file(site: Site) -> str:
    """Return a whole configuration with this one site, which needs no rights of root.

    :param site: The site.
    """
    user = WEB_USER if site.system else f"{site.user} {site.group}"
    folders = "".join(
        f"{kind}_temp_path {quoted(f'{site.run}/nginx-{kind}')};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    http = f"""\
include {_TYPES};
default_type application/octet-stream;
sendfile on;
access_log {quoted(f"{site.run}/nginx-access.log")};
{folders}include {quoted(site.file(f"{site.name}.nginx"))};
"""
    return f"""\
# nginx with nothing but this site:  nginx -c {site.file("nginx.conf")}
worker_processes auto;
# Only heeded where root starts it.
user {user};
pid {quoted(f"{site.run}/nginx.pid")};
error_log {quoted(f"{site.run}/nginx-error.log")};
{_block("events", "worker_connections 1024;")}{_block("http", http)}"""


def port(site: Site) -> str:
    """Return what the site listens on: a port or ``address:port``.

    :param site: The site.
    """
    if site.address is not None:
        return site.address
    if site.certificate is not None:
        return "443"
    return "80" if site.domains else "8080"


def _upstream(site: Site) -> str:
    if not site.hosts:
        server = f"unix:{site.unix_socket}" if site.unix_socket else site.socket
        return _block(f"upstream {site.name}", f"server {quoted(server)} fail_timeout=0;")
    lines = ["# A request goes to the host with the fewest, and passes by one that has failed."]
    lines += ["least_conn;"]
    lines += [f"server {host} max_fails=3 fail_timeout=5s;" for host in site.hosts]
    lines += [
        "# Where all have failed lately they are asked all the same: without this nginx would"
    ]
    lines += ["# answer 502 to everybody for these seconds."]
    lines += [f"server {host} max_fails=0 backup;" for host in site.hosts]
    return _block(f"upstream {site.name}", "\n".join(lines))


def _names(site: Site) -> str:
    names = f"server_name {' '.join(site.domains) or '_'};\n{_ONE_NAME}"
    if site.certificate is None:
        return listen(port(site), "" if site.domains else " default_server") + names
    return f"""\
{listen(port(site), " ssl http2")}{names}\
ssl_certificate {quoted(site.certificate)};
ssl_certificate_key {quoted(site.key or "")};
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:{site.name}:2m;
"""


# nginx chooses the site by the name in the request line, where there is one (RFC 9112, 3.2.2).
_ONE_NAME = """\
# The application is given Host: it must not be another name than the one this site was chosen by.
set $name_and_host "$host $http_host";
if ($name_and_host !~* "^(\\S*) (\\1\\.?(:\\d*)?)?$") {
    return 400;
}
"""


def listen(address: str, options: str = "") -> str:
    """Return the lines that name an address; a port is also one of IPv6, where that is there.

    :param address: A port, or ``address:port``.
    :param options: What stands behind it.
    """
    addresses = [address]
    if ":" not in address and os.path.exists("/proc/net/if_inet6"):
        addresses.append(f"[::]:{address}")
    return "".join(f"listen {each}{options};\n" for each in addresses)


def _to_https(site: Site) -> str:
    names = " ".join(site.domains) or "_"
    redirect = _block("location /", "return 308 https://$host$request_uri;")
    body = f"{listen('80')}server_name {names};\n\n{_challenge()}\n{redirect}"
    return _block("server", body)


def _challenge() -> str:
    """Return where certificates are asked for and renewed, which http has to answer."""
    comment = "# certbot certonly --webroot -w /var/www/html writes here, for the world to see."
    return comment + "\n" + _block("location /.well-known/acme-challenge/", "root /var/www/html;")


def _limits(site: Site) -> str:
    size = site.body_limit or 0
    what = "MAX_CONTENT_LENGTH of the application" if size else "the application has no limit"
    return f"# In bytes: {what}.\nclient_max_body_size {size};\n"


def _static(site: Site) -> Iterator[str]:
    for prefix, folder in site.static:
        lines = [
            f"alias {quoted(f'{folder}/')};",
            "# As the application sends them: text is UTF-8, and an old copy is asked for again.",
            "charset utf-8;",
            "add_header X-Content-Type-Options nosniff;",
            "add_header Cache-Control no-cache;"
            if site.max_age is None
            else f"expires {site.max_age};",
        ]
        yield _block(f"location {quoted(prefix)}", "\n".join(lines))


def _internal(site: Site) -> Iterator[str]:
    for prefix, folder in site.internal:
        why = "# Only for files that the application names: X_ACCEL_MAPPING."
        body = f"{why}\ninternal;\nalias {quoted(f'{folder}/')};"
        yield _block(f"location {quoted(prefix)}", body)


def _application(site: Site) -> str:
    inner = _to_uwsgi(site) if site.server == "uwsgi" else _to_http(site)
    if site.hosts:
        inner += _several_hosts(site)
    return _block("location /", inner)


def _to_uwsgi(site: Site) -> str:
    return f"""\
uwsgi_pass {site.name};
include {_PARAMS};
# As the client wrote it, with the port: Debian's file above gives a name without one.
uwsgi_param HTTP_HOST $http_host;
# Not as a client may write them: uWSGI believes the scheme, and TRUSTED_PROXIES the others.
uwsgi_param HTTP_X_FORWARDED_PROTO $scheme;
uwsgi_param HTTP_X_FORWARDED_FOR $proxy_add_x_forwarded_for;
uwsgi_param HTTP_X_FORWARDED_HOST $http_host;
uwsgi_param HTTP_X_FORWARDED_PORT $server_port;
uwsgi_param HTTP_X_FORWARDED_PREFIX "";
uwsgi_param HTTP_X_REQUEST_ID $request_id;
{_buffers("uwsgi", site)}"""


def _to_http(site: Site) -> str:
    return f"""\
proxy_pass http://{site.name};
proxy_http_version 1.1;
# As the client wrote it, with the port.
proxy_set_header Host $http_host;
# Not as a client may write them; the application believes them with TRUSTED_PROXIES = 1.
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Port $server_port;
proxy_set_header X-Forwarded-Prefix "";
proxy_set_header X-Request-ID $request_id;
{_buffers("proxy", site)}"""


def _buffers(kind: str, site: Site) -> str:
    return f"""\
# The whole body first: a slow client occupies nginx, and not a process of the application.
{kind}_request_buffering on;
# The headers of an answer, with a cookie of 4 KB or two, have to fit into the first of these.
{kind}_buffer_size 16k;
{kind}_buffers 8 16k;
{kind}_busy_buffers_size 32k;
# Longer than the server lets a request take.
{kind}_read_timeout {site.request_seconds + 5}s;
"""


def _several_hosts(site: Site) -> str:
    kind = "uwsgi" if site.server == "uwsgi" else "proxy"
    return f"""\
# A host that does not answer is passed by. A request that is not idempotent goes to no second
# host once it was sent: what it does could be done twice (so never add non_idempotent here).
{kind}_connect_timeout 2s;
{kind}_next_upstream error timeout;
# Once more than there are hosts: each may lose the process that has the request.
{kind}_next_upstream_tries {len(site.hosts) + 1};
"""


def _block(head: str, body: str) -> str:
    indented = "".join(f"    {line}".rstrip() + "\n" for line in body.rstrip().splitlines())
    return f"{head} {{\n{indented}}}\n"


def quoted(value: str) -> str:
    """Return a value as nginx and Apache read it: in quotes where it would mean something else.

    :param value: The value.
    """
    if re.fullmatch(r"[\w/.:@%+=,-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
