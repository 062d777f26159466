"""What Pillow may open of bytes from outside, here and in the embedded API."""

import pi_heif

# Auxiliary pictures (depth, a gain map, thumbnails) are none of the receipt; a thread an image is decoded in is enough.
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""Pillow knows more, and for an EPS it starts Ghostscript."""
