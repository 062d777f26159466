"""The embedded Mistral API: the wire protocol on loopback, answered by a receipt reader."""
