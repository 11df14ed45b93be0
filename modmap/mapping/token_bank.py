"""Bringing the tokens of source and target views together, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modmap.encoding.scan_tokens import ScanTokens
from modmap.mapping.mapper import CrossViewMapper, ViewPairs, cosine_distance


@dataclass(frozen=True, eq=False)
class TokenBank:
    """The tokens of all views of one or several scans, flat.

    Attributes:
        image: (B, L, Ci) image tokens of B views with L places each.
        depth: (B, L, Cd) depth tokens.
        foreground: (B, L) bool.
        view: (B,) int64, the view's index among those the model knows.
        category: (B,) int64, the class's index, or None for a class-specific model.
        scan: (B,) int64, which scan a view belongs to; pairs never leave their scan.
    """

    image: Tensor
    depth: Tensor
    foreground: Tensor
    view: Tensor
    category: Tensor | None
    scan: Tensor

    @classmethod
    def of(
        cls, scans: Sequence[ScanTokens], *, view_ids: Sequence[str], categories: Sequence[int] | None = None
    ) -> TokenBank:
        """Stacks scans.

        Args:
            scans: The scans' tokens.
            view_ids: All views that the model knows, in its order.
            categories: The class of each scan, for a multi-class model.
        """
        index = {view_id: i for i, view_id in enumerate(view_ids)}
        lengths = torch.tensor([len(scan) for scan in scans])
        device = scans[0].image.device
        views = [index[view_id] for scan in scans for view_id in scan.view_ids]
        category = None
        if categories is not None:
            category = torch.tensor(categories).repeat_interleave(lengths).to(device)
        return cls(
            image=torch.cat([scan.image for scan in scans]),
            depth=torch.cat([scan.depth for scan in scans]),
            foreground=torch.cat([scan.foreground for scan in scans]),
            view=torch.tensor(views, device=device),
            category=category,
            scan=torch.arange(len(scans)).repeat_interleave(lengths).to(device),
        )

    def pairs(self, *, cross_view: bool) -> Tensor:
        """(P, 2) rows of this bank: every (source, target) within a scan, or each view with itself."""
        if not cross_view:
            rows = torch.arange(len(self.view), device=self.view.device)
            return torch.stack([rows, rows], dim=1)
        return (self.scan[:, None] == self.scan[None, :]).nonzero()

    def places(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Where both views of a pair show the part.

        Args:
            pairs: (P, 2) rows of source and target.

        Returns:
            (T,) the pair of each token and (T,) its place, ordered by pair, then place.
        """
        both = self.foreground[pairs[:, 0]] & self.foreground[pairs[:, 1]]
        pair, place = both.nonzero(as_tuple=True)
        return pair, place

    def distances(
        self, mapper: CrossViewMapper, pairs: Tensor, pair: Tensor, place: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cosine distances between predicted and observed target tokens (Eqs. 8 and 9).

        Args:
            mapper: The mappings.
            pairs: (P, 2) rows of source and target.
            pair: (T,) the pair of each token.
            place: (T,) its place.

        Returns:
            (T,) distances in the image modality (the prediction from depth against the observed image token) and
            (T,) in the depth modality.
        """
        source, target = pairs[pair, 0], pairs[pair, 1]
        codes = ViewPairs(
            source=self.view[pairs[:, 0]],
            target=self.view[pairs[:, 1]],
            category=None if self.category is None else self.category[pairs[:, 0]],
        )
        predicted_depth, predicted_image = mapper(
            self.image[source, place], self.depth[source, place], pairs=codes, pair_of_token=pair
        )
        return (
            cosine_distance(predicted_image, self.image[target, place]),
            cosine_distance(predicted_depth, self.depth[target, place]),
        )
