"""What a developer is told in debug mode: teaching words for errors that say too little.

Nothing here is imported, let alone run, in production.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from types import FrameType, FunctionType, MethodType
from typing import Any

from werkzeug.exceptions import BadRequestKeyError
from werkzeug.routing import RequestRedirect, Rule

from .context import Context
from .errors import SetupError, describe
from .plan import Plan
from .request import Request
from .routing import View
from .signals import request_started


class LossyRedirect(SetupError):
    """The router would redirect a request in a way that makes the browser drop its body.

    :ivar url: The URL that was asked for.
    :ivar new_url: The URL that the redirect leads to.
    """

    def __init__(self, method: str, url: str, redirect: RequestRedirect) -> None:
        self.url = url
        self.new_url = redirect.new_url
        super().__init__(
            f"{method} {url} would be redirected to {self.new_url} with status {redirect.code}:"
            " browsers follow that with GET and drop the body. Send the form straight to"
            f" {self.new_url}, with an action that url_for() builds, or redirect with 308, which"
            " keeps method and body."
        )


def explained(error: Exception, context: Context) -> Exception:
    """Return an error that says more, or the error itself.

    :param error: What a view, a hook or the router raised.
    :returns: The same object wherever its class stays; a `LossyRedirect` for a redirect.
    """
    # To explain is a courtesy: where it fails, the error itself is what matters.
    with suppress(Exception):
        if isinstance(error, BadRequestKeyError):
            _explain_missing_field(error, context.request)
        elif isinstance(error, RequestRedirect):
            return _without_loss(error, context.request)
        elif type(error) is KeyError:
            _explain_missing_member(error, context.request)
        elif type(error) is TypeError and context.rule is not None:
            view = context.app.view_functions[context.rule.endpoint]
            _explain_arguments(error, context.rule, view, context.request.method)
    return error


def _without_loss(redirect: RequestRedirect, request: Request) -> Exception:
    safe = request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
    if safe or redirect.code in (307, 308) or request.routing_exception is not redirect:
        return redirect
    error = LossyRedirect(request.method, request.url, redirect)
    error.__suppress_context__ = True
    return error


# --- a field or member that is missing

#: The mappings of a request, in the order in which they are asked for a field.
_MAPPINGS = ("form", "files", "args", "cookies", "values")


def _explain_missing_field(error: BadRequestKeyError, request: Request) -> None:
    """Say of which mapping of the request the key is missing, and what is there instead."""
    error.show_exception = True
    mapping = _last_frame(error).f_locals.get("self")
    (key,) = error.args
    for name in _MAPPINGS:
        if mapping is not None and request.__dict__.get(name) is mapping:
            error.description = _missing_field(request, name, key)
            error.show_exception = False  # it would add the key, which is in the text


def _missing_field(request: Request, name: str, key: Any) -> str:
    if name == "files":
        sent = _sent_as_text(request, key)
        if sent is not None:
            return f"request.files has no {key!r}: {_why_no_file(request.mimetype, key, sent)}"
    keys = [str(each) for each in getattr(request, name)]
    elsewhere = _elsewhere(request, name, key)
    if elsewhere:
        remedy = f"{elsewhere} has one of this name."
    elif not keys and name in ("form", "files", "values"):
        remedy = _why_no_form(request)
    else:
        remedy = f"Use request.{name}.get({key!r}) where it may be missing."
    return f"request.{name} has no {key!r}. {_what_there_is(key, keys)} {remedy}"


def _sent_as_text(request: Request, key: str) -> str | None:
    """Return what a form without `enctype` sent in place of a file."""
    if request.mimetype == "text/plain":
        lines = request.get_data(as_text=True).splitlines()
        values = (line.partition("=") for line in lines)
        return next((value for name, _, value in values if name == key), None)
    return request.form.get(key)


def _why_no_file(mimetype: str, key: str, sent: str) -> str:
    sent = sent[:100]  # a text may be of any length
    if mimetype == "multipart/form-data":
        return (
            f"the form was sent as {mimetype}, but this field is text ({sent!r}). Write"
            f' <input type="file" name="{key}">.'
        )
    return (
        f"the form was sent as {mimetype}, and so the browser sent the name of the file only"
        f' ({sent!r}). Write <form method="post" enctype="multipart/form-data">.'
    )


def _elsewhere(request: Request, name: str, key: Any) -> str | None:
    for other in _MAPPINGS[:-1]:
        if other != name and key in getattr(request, other):
            return f"request.{other}"
    if request.is_json:
        members = request.get_json(silent=True)
        if isinstance(members, dict) and key in members:
            return "request.json"
    return None


def _why_no_form(request: Request) -> str:
    if not request.mimetype:
        return "The request has no body with a Content-Type."
    if request.is_json:
        return "The body is JSON: see request.json."
    return f"The body came as {request.mimetype}."


def _explain_missing_member(error: KeyError, request: Request) -> None:
    """Add a note to a `KeyError` that may be about the JSON of the request."""
    members = request.get_json(silent=True) if request.is_json else None
    (key,) = error.args
    frame = _last_frame(error)
    read_here = {"json", "get_json"}.intersection(frame.f_code.co_names) or any(
        value is members for value in frame.f_locals.values()
    )
    if not isinstance(members, dict) or not isinstance(key, str) or not read_here:
        return
    # A key that came out of the JSON was looked up somewhere else.
    if key not in members and key not in members.values():
        _add_note(
            error,
            f"If it is the JSON of the request that was asked: it has no {key!r}."
            f" {_what_there_is(key, members)} Use request.json.get({key!r}) where it may be"
            " missing.",
        )


def _add_note(error: BaseException, note: str) -> None:
    add: Any = getattr(error, "add_note", None)
    if add is not None:  # from Python 3.11 on
        add(note)


def _what_there_is(key: Any, keys: Iterable[str]) -> str:
    names = list(keys)
    if not names:
        return "It is empty."
    shown = ", ".join(map(repr, names[:20])) + (", …" if len(names) > 20 else "")
    near = get_close_matches(str(key), names, n=1)
    return f"It has {shown}." + (f" Is it {near[0]!r} that you mean?" if near else "")


def _last_frame(error: BaseException) -> FrameType:
    """Return the frame that raised an error."""
    traceback: Any = error.__traceback__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame: FrameType = traceback.tb_frame
    return frame


# --- views and the variables of their rules


def check_views(app: Any, plans: Mapping[str, Plan]) -> None:
    """Refuse views that cannot be called with the variables of their URL rules.

    Wherever something might change the values on their way, or the view takes any, nothing is
    said.

    :raises SetupError: naming each rule with what it gives, and each view with what it takes.
    """
    methods = [getattr(type(app), name) for name in _ON_THE_WAY]
    own = not all(method.__module__.startswith(f"{__package__}.") for method in methods)
    if own or request_started.receivers:
        return
    messages = [
        misfit(rule, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if _is_called_as_it_is(rule, plans.get(rule.endpoint))
    ]
    messages += _misfits_of_classes(app, plans)
    wrong = list(dict.fromkeys(filter(None, messages)))
    if wrong:
        raise SetupError("\n".join(wrong))


#: Methods of the application that may change the values of a URL when they are overridden.
_ON_THE_WAY = "wsgi_app", "full_dispatch_request", "preprocess_request", "dispatch_request"


def _is_called_as_it_is(rule: Rule, plan: Plan | None) -> bool:
    if plan is None or rule.build_only or rule.redirect_to or rule.websocket:
        return False
    # A function that runs before the view may change request.view_args.
    return not plan.url_value_preprocessors and not plan.before


def misfit(rule: Rule, view: View) -> str | None:
    """Return what is wrong where a view cannot take the variables of a rule, or None.

    What counts is the signature of what is called, which may be a wrapper: one that takes anything
    may change it for the function inside.
    """
    plain = isinstance(view, (FunctionType, MethodType, partial))
    if not plain or getattr(view, "__signature__", None) is not None:
        return None
    try:
        signature = inspect.signature(view, follow_wrapped=False)
    except ValueError:  # no argument for self, or a function in C that has no signature
        if not isinstance(getattr(view, "__func__", None), FunctionType):
            return None
        written = ", ".join(["self", *sorted(rule.arguments)])
        return f"The view {describe(view)} lacks self: write def {_name(view)}({written})."
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if inspect.Parameter.POSITIONAL_ONLY in kinds:
        return None
    return _misfit(rule, view, *_differences(rule, signature))


def _misfits_of_classes(app: Any, plans: Mapping[str, Plan]) -> list[str | None]:
    """Return what is wrong with the methods of class-based views.

    A class may stand under several rules, with some methods for one and some for another: a method
    that fits one of them, or might, is meant for that one.
    """
    found: dict[tuple[type, str], list[str | None]] = {}
    for rule in app.url_map.iter_rules():
        view_class = _method_view(app.view_functions.get(rule.endpoint))
        if view_class is None or rule.build_only:
            continue
        is_called = _is_called_as_it_is(rule, plans.get(rule.endpoint))
        for name in _called_methods(rule, view_class):
            method = _plain_method(view_class, name)
            told = None
            if is_called and method is not None and not view_class.decorators:
                told = misfit(rule, method)
            found.setdefault((view_class, name), []).append(told)
    return [told for each in found.values() if all(each) for told in each]


def _method_view(view: Any) -> Any:
    """Return the class of a view that calls its methods by those of HTTP, or None."""
    # Not imported: the module stands above the application. Its own function calls the class.
    module = getattr(view, "__globals__", {})
    if module.get("__name__") != f"{__package__}.views":
        return None
    only = inspect.getclosurevars(view).nonlocals.get("only")
    view_class = view.view_class if only is None else type(only)
    base = module["MethodView"]
    dispatches = getattr(view_class, "dispatch_request", None) is base.dispatch_request
    return view_class if dispatches and issubclass(view_class, base) else None


def _plain_method(view_class: type, name: str) -> MethodType | None:
    """Return a method as a request calls it, where it is a plain function of the class."""
    function = inspect.getattr_static(view_class, name, None)
    return MethodType(function, view_class) if isinstance(function, FunctionType) else None


def _called_methods(rule: Rule, view_class: type) -> list[str]:
    """Return the names of the methods that requests for a rule may call."""
    methods = set(rule.methods or ())
    if getattr(rule, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    names = {method.lower() for method in methods}
    if "head" in names and not hasattr(view_class, "head"):
        names.remove("head")  # HEAD is for `get` then, which GET calls too
    return sorted(names)


def _differences(rule: Rule, signature: inspect.Signature) -> tuple[list[str], list[str]]:
    """Return what a rule gives too much and what it does not give."""
    parameters = signature.parameters.values()
    named = [each for each in parameters if each.kind not in _VARIADIC]
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    extra = set() if takes_any else rule.arguments.difference(each.name for each in named)
    missing = [
        each.name
        for each in named
        if each.default is each.empty and each.name not in rule.arguments
    ]
    return sorted(extra), missing


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _misfit(rule: Rule, view: View, extra: list[str], missing: list[str]) -> str | None:
    who = f"The view {describe(view)}"
    if extra and missing:
        return (
            f"{who} takes {_listed(missing)}, and its URL rule {rule.rule!r} gives"
            f" {_listed(extra)}: a variable and its argument have the same name."
        )
    if extra:
        arguments = "arguments" if len(extra) > 1 else "argument"
        written = ", ".join(["self"] * isinstance(view, MethodType) + extra)
        return (
            f"{who} does not take {_listed(extra)}, which its URL rule {rule.rule!r} gives: add"
            f" the {arguments}, as in def {_name(view)}({written})."
        )
    if missing:
        if "{" + missing[0] in rule.rule:
            return (
                f"{who} takes {_listed(missing)}, and its URL rule {rule.rule!r} has that in"
                f" braces, which are plain text: a variable is written <{missing[0]}>."
            )
        variables = " and ".join(f"<{name}>" for name in missing)
        return (
            f"{who} takes {_listed(missing)}, which its URL rule {rule.rule!r} does not give: write"
            f" {variables} into the rule, or give the argument a default value."
        )
    return None


def _name(view: View) -> str:
    name = str(getattr(view, "__name__", ""))
    return name if name.isidentifier() else "view"


def _listed(names: list[str]) -> str:
    return " and ".join(map(repr, names))


def _explain_arguments(error: TypeError, rule: Rule, called: View, method: str) -> None:
    """Say what the rule gives where the call of the view itself failed, in a wrapper or not."""
    view = inspect.unwrap(called)
    is_wrapped = view is not called
    view_class = _method_view(view)
    if view_class is not None:
        name = "get" if method == "HEAD" and not hasattr(view_class, "head") else method.lower()
        bound = _plain_method(view_class, name)
        if bound is None:
            return
        view = MethodType(inspect.unwrap(bound.__func__), view_class)
        is_wrapped = is_wrapped or view != bound
    message = str(error)
    refused = message.startswith(f"{getattr(view, '__qualname__', None)}() ")
    if not refused or _last_frame(error).f_code is getattr(view, "__code__", None):
        return
    extra, missing = _differences(rule, inspect.signature(view))
    if is_wrapped:  # the wrapper may add and remove: what Python names is certain
        extra = [name for name in extra if repr(name) in message]
        missing = [name for name in missing if repr(name) in message]
    what = _misfit(rule, view, extra, missing)
    if what is not None:
        end = "" if message.endswith("?") else "."
        error.args = (f"{message}{end} {what}",)
