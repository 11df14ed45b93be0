"""What the card of every data set says: what is where, what is simulated, and what is not."""

from __future__ import annotations

INTRODUCTION = """\
# cadscan: simulated multi-view scans of industrial parts

Image and depth of CAD parts as a structured-light head on a robot would scan them, with defects of known place, kind
and size, in the directory layout of SiM3D. Everything here is computed; nothing was photographed or measured.

Made with `python -m benchmarks.cadscan dataset --out DIR --categories {categories} --good {good} --bad {bad} \
--size {width}x{height} --seed {seed} --smallest {smallest:g} --largest {largest:g} \
--least-detectability {least_detectability:g}`.
The same command gives the same bytes.
"""

OF_SPLIT = {
    "work": """\
This is the work split of `sim3d-mini`: settings are chosen on it. What is claimed is measured on the report split.
""",
    "report": """\
**This is the report split of `sim3d-mini`. Nothing is ever tuned on it**: no setting, no threshold, no choice of a
method. It is for figures that are reported, once all of that is fixed on the work split.
""",
}

LAYOUT = """\
## What is where

- `<category>/<category>_real`: the nominal scan to train on, `rgb/NN_2.png` (8 bit gray) with `depth/NN.npy` (planar
  z, float32, mm, inf where nothing was measured).
- `<category>/<category>_synth`: the nominal part rendered, `RGB/NN_2.png` with `DEPTH/NN_depth.exr` (mm; the
  background is the largest value).
- `<category>/<category>_NN` and `<category>_NN_bad`: test scans, nominal and anomalous, laid out like the real one,
  with `gt.npz` (`mask` of the defect voxels and `unseen`, both packed to bits, with their `shape`; `defect`, the number
  in `defects.json`, from 1, of the defect that each voxel of the mask is of, in flat order, the first where it is of
  two; `origin` and `voxel` in mm) and `defects.json`.
- `cameras.json` in each scan: K, image size and the nominal `T_world_to_camera` of every view, OpenCV axes, mm.
- `placement.json` in the real and the test scans, which is for measuring and not for detectors: `T_part_to_world`, the
  rigid motion (4x4, mm) from the part as drawn to where it lay, and by view `camera_error`, what the robot was off by:
  the camera's true `T_world_to_camera` is this times the calibrated one.
- `<category>/<category>.step` and `.stl`: the part as drawn.

The world is the robot's: z up, the table at z = 0, the part as drawn resting on it at x = y = 0. The calibration knows
neither the robot's repeatability nor where the part really lay. **The ground truth is in the world frame of the scan
as scanned**: the changed surface was moved with the part before it was voxelised, so it lies where the depth maps put
the defect.

**`mask` is what the scan can show**: changed surface of which a scanner without noise, from these views, measures a
point. Where surface is missing, the views measure what is behind it: that counts as far as it lies within the box of
what changed, and the place in the air does not. `unseen` has the other voxels that a defect changed: the inside of a
filled hole, the far side of a warped wall, the air where a tooth was. No volume can have a score there.

**`defects.json`** tells of each defect its kind, centre, size, depth and the modality that can show it; how many
`voxels` it has in the mask, how many of them the views of this very scan measure (`voxels_measured`), how many are
`voxels_unseen`; and how surely it could be found. The scan is compared with its twin, which lacks this defect alone:
same part, other defects, marks, place and light. The detectability d' is the ideal observer's, the root of the sum over
all pixels of (change / deviation of the noise)^2:

- in depth, at pixels that both measure, over the scanner's noise; a pixel that only one measures counts one deviation;
- in the image, over the camera's noise and the texture within about three pixels;
- `both` is the root of the sum of the squares; so are all views together of the single ones. `best_view` is the largest
  of a single view, `views` how many reach {least:g}, and `pixels` how many change by over half a deviation.

Noise counts as independent from pixel to pixel, and the observer knows part, place and light exactly: d' bounds what a
detector can do. Light of the hall that a defect shuts off far from itself is left out.
"""

SIMULATED = """\
## What is simulated

- Parts: other draws of the dimensions (0.05 mm) for every instance.
- Finish: a solid texture fixed to the part (casting skin, brushing, turning, grain), another draw for every instance
  and body, with small differences of colour; dust on every instance, a fingerprint on half of them. None of it is a
  defect.
- Camera: f = 3470 px at 4096x3000, binned to the set's size; GGX reflection of a lamp at the projector and of the
  hall; shadows of the projector; part of the hall shut off by the part itself; one exposure time a view, set on a
  first part; vignetting, blur, veiling glare, shot noise, read noise, 8 bits. Light differs a little between scans.
- Depth: noise that grows with z^2 and with the incidence, partly smooth over several pixels, with a ripple along the
  fringes, a bias in glossy corners, and a drift of each view; no depth where the projector glares, at more than 78
  degrees of incidence, where the signal is weak, where the projector or the second camera is shadowed, nor beside
  edges.
- Robot: 0.05 mm and 0.01 degrees of repeatability in every view.
- Placement: held in a fixture, within 0.3 mm and 0.2 degrees; or laid down by hand, within 3 mm along x and y and 1.5
  degrees about z.
- Where the table is in the picture, the depth maps have table and fixture too; elsewhere the workspace filter has
  removed them, and the image shows a dark mat.

## What is not

Light that is reflected from surface to surface (but for the bias above), colour, depth of field, lens distortion and
its calibration error, moving parts, dirt and oil beyond dust and fingerprints, transparent or translucent material,
wear of the projector, and every defect that is not in the list below. Normals are interpolated between a face's
corners, which fillets beside a flat face tilt by some degrees. A rank on this set is a reason to try a method on real
scans, not a replacement for them.
"""

FLOOR_TEXT = """\
## Sanity floor

I-AUROC of detectors that only subtract the training scan, view by view and pixel by pixel; a scan's score is the
largest difference, raw or smoothed over 0.3 % of the image's width. Where one of them reaches 0.95, a part fools nobody
and the set measures nothing.
"""
