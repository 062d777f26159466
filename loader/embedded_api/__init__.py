"""The embedded Mistral API: the vendor's wire protocol on 127.0.0.1, answered by a receipt reader.

The loader reaches it over HTTP only, through the vendor's own client, so that the code which runs against
api.mistral.ai is the code that runs without a key. `serve` starts it, `app` has its routes.
"""
