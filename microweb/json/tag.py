"""The tagged JSON of session cookies, to be taught more types."""

from ..tagged import JSONTag as JSONTag
from ..tagged import TaggedJSONSerializer as TaggedJSONSerializer
