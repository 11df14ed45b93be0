"use strict";
// The page of one scan: the threshold slider recolours the 3D part; choosing a defect shows its views.
let data = null;
let chosen = null;

function partObject(name) {
  const objects = part.getWorld().ObjectsListJson;
  return Object.values(objects).find((object) => object.name === name);
}

function reload(name, changes) {
  const object = partObject(name);
  if (object) part.reload(Object.assign(object, changes), changes);
}

function colourMap(threshold) {
  const levels = data.palette.length;
  const rows = new Float32Array(4 * levels);
  data.palette.forEach((colour, level) => {
    const share = level / (levels - 1);
    const below = share * data.top < threshold;
    rows.set([share, ...(below ? data.calm : colour).map((value) => value / 255)], 4 * level);
  });
  return { data: rows, shape: [levels, 4] };
}

function recolour() {
  const slider = document.getElementById("threshold");
  if (!slider) return;
  document.getElementById("threshold-value").textContent = Number(slider.value).toPrecision(3);
  if (part) reload("part", { color_map: colourMap(Number(slider.value)) });
}

function drawBoxes(defect) {
  document.querySelectorAll(".box").forEach((box) => box.remove());
  for (const seen of defect ? defect.views : []) {
    const view = document.querySelector(`.view[data-view="${CSS.escape(seen.view)}"]`);
    const [height, width] = JSON.parse(view.dataset.shape);
    const [left, top, right, bottom] = seen.box;
    view.querySelectorAll(".picture").forEach((picture) => {
      const box = document.createElement("div");
      box.className = "box";
      box.style.left = `${(100 * left) / width}%`;
      box.style.top = `${(100 * top) / height}%`;
      box.style.width = `${(100 * (right - left + 1)) / width}%`;
      box.style.height = `${(100 * (bottom - top + 1)) / height}%`;
      picture.append(box);
    });
  }
}

function choose(index) {
  chosen = chosen === index ? null : index;
  const defect = data.defects.find((one) => one.index === chosen) || null;
  document.querySelectorAll("tr.defect").forEach((row) => {
    row.classList.toggle("chosen", Number(row.dataset.defect) === chosen);
    row.setAttribute("aria-pressed", String(Number(row.dataset.defect) === chosen));
  });
  const ranks = new Map((defect ? defect.views : []).map((seen, rank) => [seen.view, rank]));
  document.querySelectorAll(".view").forEach((view) => {
    view.hidden = defect !== null && !ranks.has(view.dataset.view);
    view.style.order = defect ? ranks.get(view.dataset.view) ?? 0 : 0;
  });
  drawBoxes(defect);
  document.getElementById("views-shown").textContent = defect
    ? `Defect ${defect.index}: ${ranks.size === 1 ? "the view that sees" : `the ${ranks.size} views that see`} it, best first`
    : "All views";
  document.getElementById("all-views").hidden = defect === null;
  if (part) {
    data.defects.forEach((one) => reload(`defect ${one.index}`, { color: one.index === chosen ? 0x00b8d4 : 0x1d2733 }));
    if (defect && defect.camera) part.setCamera(defect.camera);
  }
  if (defect) document.getElementById("views").scrollIntoView({ behavior: "smooth" });
}

function layOverImages(over) {
  document.getElementById("views").classList.toggle("maps-over-image", over);
  if (!over) return;
  document.querySelectorAll(".view").forEach((view) => {
    const image = view.querySelector('figure[data-layer="image"] img');
    if (image) view.style.setProperty("--below", `url("${image.src}")`);
  });
}

document.addEventListener("part", () => recolour());

document.addEventListener("DOMContentLoaded", () => {
  data = JSON.parse(document.getElementById("data").textContent);
  document.querySelectorAll("figure[data-layer]").forEach((figure) => figure.classList.toggle("map", figure.dataset.layer.endsWith(" map")));
  document.querySelectorAll(".layers input[data-layer]").forEach((box) =>
    box.addEventListener("change", () =>
      document
        .querySelectorAll(`figure[data-layer="${CSS.escape(box.dataset.layer)}"]`)
        .forEach((figure) => figure.classList.toggle("off-layer", !box.checked)),
    ),
  );
  document.getElementById("over-image")?.addEventListener("change", (event) => layOverImages(event.target.checked));
  document.getElementById("threshold")?.addEventListener("input", recolour);
  recolour();
  answer("tr.defect", (row) => choose(Number(row.dataset.defect)));
  document.querySelectorAll(".stripes input").forEach((box) =>
    box.addEventListener("change", () => part && reload(box.dataset.object, { visible: box.checked })),
  );
  document.querySelectorAll(".pair input").forEach((slider) => {
    const slide = () => slider.closest(".pair").style.setProperty("--nominal", `${slider.value}%`);
    slider.addEventListener("input", slide);
    slide();
  });
  document.getElementById("all-views").addEventListener("click", () => choose(chosen));
  document.querySelectorAll(".picture").forEach((picture) =>
    picture.addEventListener("click", () => picture.closest(".view").classList.toggle("large")),
  );
});
