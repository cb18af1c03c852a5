"""What can keep an embedded server from running, in words for whoever started it."""


class EmbeddedServerError(Exception):
    """A server that didn't start; its message says why and what to do."""
