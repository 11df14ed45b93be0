"""Pictures that lie in the page itself."""

from __future__ import annotations

import base64
import io

from PIL import Image

from modmap.types import Array

PHOTO_QUALITY = 80


def picture_address(picture: Array, *, photo: bool) -> str:
    """A picture as a `data:` address, a WebP.

    Args:
        picture: (H, W, 3) uint8, red first, or (H, W) gray.
        photo: Compress as one; else colours are kept exactly.
    """
    file = io.BytesIO()
    # Where nothing may be lost, quality says how hard to try for a small file.
    Image.fromarray(picture).convert("RGB").save(file, "WEBP", lossless=not photo, quality=PHOTO_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
