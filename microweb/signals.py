"""The named signals (blinker). A signal that nobody listens to costs one truth test.

.. code-block:: python

    from microweb import request_started

    @request_started.connect_via(app)
    def count(sender, **extra): ...

The sender is the application; what else a signal sends are the keywords named with it.
"""

from __future__ import annotations

from blinker import Namespace as Namespace

_signals = Namespace()

#: A template was rendered: `template`, `context`.
template_rendered = _signals.signal("template-rendered")
#: A template will be rendered: `template`, `context`.
before_render_template = _signals.signal("before-render-template")
#: A request begins, before its hooks.
request_started = _signals.signal("request-started")
#: A request has its response: `response`.
request_finished = _signals.signal("request-finished")
#: A request ends: `exc`, its unhandled exception or None.
request_tearing_down = _signals.signal("request-tearing-down")
#: Nothing handled an exception, or a teardown function failed: `exception`.
got_request_exception = _signals.signal("got-request-exception")
#: A context ends: `exc`, its unhandled exception or None.
appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
#: A context became current.
appcontext_pushed = _signals.signal("appcontext-pushed")
#: A context has ended.
appcontext_popped = _signals.signal("appcontext-popped")
#: A message was flashed: `message`, `category`.
message_flashed = _signals.signal("message-flashed")
