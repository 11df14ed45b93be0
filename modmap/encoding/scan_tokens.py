"""The tokens of a scan: each view passes each encoder once, and everything after works on what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modmap.encoding.rim import inner_tokens
from modmap.encoding.square import Square
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.encoding.window import Window
from modmap.inspection.view_shown import ViewShown
from modmap.part_views import part_views
from modmap.scan import Scan
from modmap.types import DEFAULT_FOREGROUND, Array, ForegroundMode


@dataclass(frozen=True, eq=False)
class ScanTokens:
    """All that the mappings need of a scan, computed once.

    Attributes:
        view_ids: The N views' ids.
        image: (N, grid * grid, Ci) image tokens.
        depth: (N, grid * grid, Cd) depth tokens.
        foreground: (N, grid * grid) bool: the token is mapped.
        touched: (N, grid * grid) bool: the token holds a pixel of the part; it is mapped or on the rim.
        shapes: (H, W) of each view.
        masks: Each view's foreground pixels, packed to bits.
        windows: What of each view the tokens are of; None for all of it.
        shown: What each view shows of the part.
        notes: What was guessed, repaired or left out on the way, by view.
    """

    view_ids: tuple[str, ...]
    image: Tensor
    depth: Tensor
    foreground: Tensor
    touched: Array
    shapes: tuple[tuple[int, int], ...]
    masks: tuple[Array, ...]
    windows: tuple[Window | None, ...]
    shown: tuple[ViewShown, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.view_ids)

    def mask(self, index: int) -> Array:
        """(H, W) bool foreground pixels of the view at `index`."""
        height, width = self.shapes[index]
        return np.unpackbits(self.masks[index], count=height * width).reshape(height, width).astype(bool)


def encode_scan(
    scan: Scan,
    image_encoder: TokenEncoder,
    depth_encoder: TokenEncoder,
    *,
    foreground: ForegroundMode = DEFAULT_FOREGROUND,
    rim_share: float = 0.0,
    windows: Mapping[str, Window] | None = None,
    device: torch.device | None = None,
    cache: TokenCache | None = None,
    on_view: Callable[[str], None] | None = None,
) -> ScanTokens:
    """Passes each view of a scan through each encoder, once.

    A view whose depth holds no measurement at all is left out, and a note says so.

    Args:
        scan: The scan; its views are loaded a few at a time, ahead of the encoders.
        image_encoder: For the images.
        depth_encoder: For the depth maps, with the same grid.
        foreground: Which pixels are the part.
        windows: By view id what of it the encoders see; all of a view that isn't named.
        rim_share: Which tokens of it are mapped (`modmap.encoding.rim.inner_tokens`).
        device: Where the encoders live; the tokens stay there.
        cache: Where tokens are kept between runs.
        on_view: Called with the id of each view once it is done.

    Raises:
        ModMapError: a view can't be loaded, or no view has any depth.
    """
    grid = image_encoder.grid
    kept: list[str] = []
    notes: list[str] = []
    images, depths, mapped, touched, seen_through, shapes, masks, shown_parts = [], [], [], [], [], [], [], []
    views = part_views(scan, lambda frame, mask: (frame, mask), foreground=foreground, notes=notes)
    for frame, mask in views:
        kept.append(frame.id)
        window = (windows or {}).get(frame.id)
        shown = frame if window is None else window.cut(frame)
        part = mask if window is None else mask[window.of(frame.shape)]
        images.append(image_encoder.tokens(shown, device=device, cache=cache))
        depths.append(depth_encoder.tokens(shown, device=device, cache=cache))
        square = Square(*shown.shape, grid=grid)
        mapped.append(torch.from_numpy(inner_tokens(part, square, share=rim_share).ravel()))
        touched.append(square.tokens_touched(part).ravel())
        seen_through.append(window)
        shapes.append(frame.shape)
        masks.append(np.packbits(mask))
        shown_parts.append(ViewShown.of(frame, mask))
        if on_view is not None:
            on_view(frame.id)
    return ScanTokens(
        view_ids=tuple(kept),
        image=torch.stack(images),
        depth=torch.stack(depths),
        foreground=torch.stack(mapped).to(device),
        touched=np.stack(touched),
        shapes=tuple(shapes),
        masks=tuple(masks),
        windows=tuple(seen_through),
        shown=tuple(shown_parts),
        notes=tuple(notes),
    )
