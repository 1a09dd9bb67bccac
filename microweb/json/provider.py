"""The JSON provider, to be subclassed for another library or for more types."""

from ..provider import DefaultJSONProvider as DefaultJSONProvider
from ..provider import JSONProvider as JSONProvider
