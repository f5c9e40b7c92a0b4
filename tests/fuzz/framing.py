"""Takes out of schemathesis' requests the headers that frame them, where a client's library writes its own.

RFC 9112, section 6: a message whose framing is invalid is answered by the server below the API (400 without a body, and the
connection ends), so that no document of the API says what such an answer looks like.
"""

import schemathesis

FRAMING = {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


@schemathesis.hook
def before_call(context, case, kwargs):
    for name in [name for name in case.headers or {} if name.lower() in FRAMING]:
        del case.headers[name]
