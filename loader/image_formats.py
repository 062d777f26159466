"""What Pillow may open of bytes from outside, here and in the embedded API."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pillow knows more, and for an EPS it starts Ghostscript."""
