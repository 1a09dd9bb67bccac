"""The request and the response, as extensions import them."""

from .request import Request as Request
from .response import Response as Response
