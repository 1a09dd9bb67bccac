"""The JSON provider, to be subclassed for another library or for more types."""

from ..provider import BytesJSON as BytesJSON
from ..provider import DefaultJSONProvider as DefaultJSONProvider
from ..provider import JSONProvider as JSONProvider
