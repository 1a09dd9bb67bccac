"""Apache's site, with mod_wsgi."""

from __future__ import annotations

import os

from . import nginx
from .nginx import quoted
from .python import SCRIPT
from .site import WEB_USER, Site

_MODULES = "/usr/lib/apache2/modules"


def site_file(site: Site) -> str:
    """Return the site, for ``/etc/apache2/sites-enabled``.

    :param site: The site.
    """
    script = quoted(site.file(SCRIPT))
    listen = nginx.port(site)
    tls = site.certificate is not None
    names = _names(site)
    return f"""\
# Debian: apt-get install libapache2-mod-wsgi-py3, whose Python must be that of the environment.
{"" if listen in ("80", "443") else f"Listen {listen}{chr(10)}"}\
WSGIDaemonProcess {site.name} processes={site.processes} threads={site.threads} \\
    python-home={quoted(os.path.dirname(os.path.dirname(site.python)))} {_account(site)}\\
    home={quoted(site.folder)} display-name=%{{GROUP}} lang=C.UTF-8 locale=C.UTF-8 \\
    request-timeout={site.request_seconds} graceful-timeout={site.request_seconds} \\
    listen-backlog={site.backlog}
<VirtualHost {_address(listen)}>
{names}{_tls(site) if tls else ""}\
    # In bytes: MAX_CONTENT_LENGTH of the application; 0 sets no limit.
    LimitRequestBody {site.body_limit or 0}
    # Encoded slashes in a path are the application's to judge.
    AllowEncodedSlashes NoDecode
{_static(site)}\
    WSGIScriptAlias / {script} process-group={site.name} application-group=%{{GLOBAL}}
    # Bodies whose length is not known before their end, and credentials, are passed on.
    WSGIChunkedRequest On
    WSGIPassAuthorization On
    <Directory {quoted(site.files)}>
        <Files {SCRIPT}>
            Require all granted
        </Files>
    </Directory>
</VirtualHost>
{_to_https(site) if tls and site.address is None and site.domains else ""}"""


def _to_https(site: Site) -> str:
    return f"""\
<VirtualHost *:80>
{_names(site)}\
    Redirect 308 / https://{site.domains[0]}/
</VirtualHost>
"""


def _names(site: Site) -> str:
    if not site.domains:
        return ""
    first, *others = site.domains
    aliases = f"    ServerAlias {' '.join(others)}\n" if others else ""
    return f"    ServerName {first}\n{aliases}"


def runs_as(site: Site) -> tuple[str, str] | None:
    """Return the user and group of Apache's processes, None where they are the user's own.

    :param site: The site.
    """
    if site.system:
        return site.user, site.group
    # Apache refuses to serve as root.
    return (WEB_USER, WEB_USER) if site.user == "root" else None


def _account(site: Site) -> str:
    account = runs_as(site)
    return "" if account is None else "user={} group={} ".format(*account)


def _tls(site: Site) -> str:
    return (
        "    SSLEngine on\n"
        f"    SSLCertificateFile {quoted(site.certificate or '')}\n"
        f"    SSLCertificateKeyFile {quoted(site.key or '')}\n"
    )


def _static(site: Site) -> str:
    blocks = []
    for prefix, folder in site.static:
        blocks.append(
            f"    Alias {quoted(prefix)} {quoted(f'{folder}/')}\n"
            f"    <Directory {quoted(folder)}>\n"
            "        Require all granted\n"
            "        AddDefaultCharset utf-8\n"
            "        Header set X-Content-Type-Options nosniff\n"
            f"        Header set Cache-Control {_caching(site)}\n"
            "    </Directory>\n"
        )
    return "".join(blocks)


def _caching(site: Site) -> str:
    return "no-cache" if site.max_age is None else f"max-age={site.max_age}"


def _address(listen: str) -> str:
    return listen if ":" in listen else f"*:{listen}"


def modules_of(site: Site) -> list[str]:
    """Return the modules of Apache that a site needs, and Debian has switched off.

    :param site: The site.
    """
    return ["headers"] if site.certificate is None else ["headers", "socache_shmcb", "ssl"]


def main_file(site: Site) -> str:
    """Return a whole configuration with this one site, which needs no rights of root.

    :param site: The site.
    """
    modules = ["mpm_event", "authz_core", "alias", "mime", "wsgi", *modules_of(site)]
    loads = "".join(f"LoadModule {each}_module {_MODULES}/mod_{each}.so\n" for each in modules)
    account = "" if runs_as(site) is None else f"User {WEB_USER}\nGroup {WEB_USER}\n"
    listen = nginx.port(site)
    return f"""\
# Apache with nothing but this site:  apache2 -f {site.file("httpd.conf")}
ServerRoot {quoted(site.run)}
ServerName localhost
{account}{loads}\
PidFile {quoted(site.pid_file)}
DefaultRuntimeDir {quoted(site.run)}
Mutex file:{quoted(site.run)} default
WSGISocketPrefix {quoted(f"{site.run}/wsgi")}
ErrorLog {quoted(f"{site.run}/apache-error.log")}
TypesConfig /etc/mime.types
{f"Listen {listen}{chr(10)}" if listen in ("80", "443") else ""}\
Include {quoted(site.file(f"{site.name}.apache.conf"))}
"""
