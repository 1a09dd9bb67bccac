"""Class-based views: a class whose methods answer requests.

.. code-block:: python

    class UserAPI(MethodView):
        def get(self, id):
            return {"id": id}

        async def delete(self, id):
            await remove(id)
            return "", 204

    app.add_url_rule("/users/<int:id>", view_func=UserAPI.as_view("user"))
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

from werkzeug.exceptions import MethodNotAllowed

from .errors import SetupError, describe
from .globals import current_app, request
from .loop import is_async
from .typing import ResponseReturnValue, RouteCallable

#: The HTTP methods that a `MethodView` looks for in itself.
METHODS = ("get", "post", "head", "options", "delete", "put", "trace", "patch", "query")


class View:
    """A view that is a class: :meth:`dispatch_request` answers.

    .. code-block:: python

        class Page(View):
            def __init__(self, template):
                self.template = template

            def dispatch_request(self):
                return render_template(self.template)

        app.add_url_rule("/about", view_func=Page.as_view("about", "about.html"))
    """

    #: The methods that the view answers; GET without them.
    methods: ClassVar[Collection[str] | None] = None
    #: Whether OPTIONS is answered without the view.
    provide_automatic_options: ClassVar[bool | None] = None
    #: Decorators for the function that :meth:`as_view` makes; the last one is the outermost.
    decorators: ClassVar[list[Callable[..., Any]]] = []
    #: Make an object for each request. Where it is False one object answers all of them, in all
    #: threads: it is made once, and must not keep anything of a request.
    init_every_request: ClassVar[bool] = True

    # Typed so that a subclass can name the variables of its URL.
    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer the request; the variables of the URL are keyword arguments.

        :returns: What a view may return.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method dispatch_request.")

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> RouteCallable:
        """Return a view function, for `add_url_rule`.

        :param name: The name of the endpoint.
        :param class_args: For the class, whenever an object of it is made.
        :param class_kwargs: The same by name.
        :raises SetupError: where `name` is no text, or a `MethodView` has no method to call.
        """
        if not isinstance(name, str):
            raise SetupError(
                f"{cls.__name__}.as_view() needs the name of the endpoint first:"
                f" {cls.__name__}.as_view('{cls.__name__.lower()}')."
            )
        cls._check()
        if cls.init_every_request:

            def view(**kwargs: Any) -> Any:
                instance = view.view_class(  # type: ignore[attr-defined]  # set below
                    *class_args, **class_kwargs
                )
                return _called(instance.dispatch_request, kwargs)

        else:
            only = cls(*class_args, **class_kwargs)

            def view(**kwargs: Any) -> Any:
                return _called(only.dispatch_request, kwargs)

        view.__name__ = name
        view.__module__ = cls.__module__
        view.__doc__ = cls.__doc__
        decorated: Any = view
        for decorator in cls.decorators:
            decorated = _decorated(decorator, decorated, cls)
        # On both: a decorator may leave these attributes behind.
        function: Any
        for function in (view, decorated):
            function.view_class = cls
            function.methods = cls.methods
            function.provide_automatic_options = cls.provide_automatic_options
        return decorated  # type: ignore[no-any-return]  # of decorators

    @classmethod
    def _check(cls) -> None:
        """Refuse a class that could not answer any request."""


def _called(method: Callable[..., Any], values: dict[str, Any]) -> Any:
    if _is_asynchronous(getattr(method, "__func__", method)):
        method = current_app.ensure_sync(method)
    return method(**values)


# To find out takes 1 µs, and a request would do it twice.
_is_asynchronous = lru_cache(maxsize=1024)(is_async)


def _decorated(decorator: Callable[..., Any], view: Any, cls: type[View]) -> Any:
    name, module = view.__name__, view.__module__
    decorated = decorator(view)
    if not callable(decorated):
        raise SetupError(
            f"The decorator {describe(decorator)} of {cls.__name__} returned {decorated!r} and not"
            " a function: is a return missing?"
        )
    decorated.__name__, decorated.__module__ = name, module
    return decorated


class MethodView(View):
    """A view with a method for each HTTP method: ``get``, ``post``, ``delete`` and so on.

    The methods that the class has are those that its URL answers; HEAD is answered by ``get``
    where there is no ``head`` (RFC 9110 section 9.3.2). A method may be asynchronous.

    .. code-block:: python

        class Notes(MethodView):
            def get(self):
                return notes

            def post(self):
                notes.append(request.get_json())
                return "", 201

        app.add_url_rule("/notes", view_func=Notes.as_view("notes"))
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" not in cls.__dict__:
            found = {
                method.upper()
                for base in cls.__mro__
                for method in (getattr(base, "methods", None) or ())
                if base is not cls
            }
            found |= {method.upper() for method in METHODS if hasattr(cls, method)}
            if found:
                cls.methods = found

    def dispatch_request(self, **kwargs: Any) -> ResponseReturnValue:
        """Call the method that is named like the request's.

        The variables of the URL are its keyword arguments.

        :raises MethodNotAllowed: where there is none.
        """
        name = request.method.lower()
        method = getattr(self, name, None)
        if method is None and name == "head":
            method = getattr(self, "get", None)
        if method is None:
            self._refuse()
        answer: ResponseReturnValue = _called(method, kwargs)
        return answer

    @classmethod
    def _check(cls) -> None:
        names = (*METHODS, *(method.lower() for method in cls.methods or ()))
        dispatches = cls.dispatch_request is not MethodView.dispatch_request
        if not (dispatches or any(hasattr(cls, name) for name in names)):
            raise SetupError(
                f"The class {describe(cls)} answers no request: write a method that is called like"
                " an HTTP method, in lower case, such as def get(self)."
            )

    def _refuse(self) -> NoReturn:
        raise MethodNotAllowed([name.upper() for name in METHODS if hasattr(self, name)])
