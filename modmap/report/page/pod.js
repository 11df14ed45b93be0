"use strict";
// The page of a study: the part in 3D is turned to the place that is chosen.
let part = null;

// Called by the 3D frame once it has drawn.
function partReady(viewer) {
  part = viewer;
  document.body.dataset.part = "ready";
}

function lookAt(row) {
  document.querySelectorAll("tr.place").forEach((other) => other.classList.toggle("chosen", other === row));
  if (part) part.setCamera(JSON.parse(row.dataset.camera));
  document.getElementById("turned")?.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

function begin3D() {
  const frame = document.getElementById("part");
  if (!frame) return;
  const canvas = document.createElement("canvas");
  if (canvas.getContext("webgl2") || canvas.getContext("webgl")) frame.srcdoc = frame.dataset.page;
  else document.body.classList.add("without-webgl");
}

document.addEventListener("DOMContentLoaded", () => {
  requestAnimationFrame(() => setTimeout(begin3D, 0));
  document.querySelectorAll("tr.place").forEach((row) => {
    row.addEventListener("click", () => lookAt(row));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        lookAt(row);
      }
    });
  });
});
