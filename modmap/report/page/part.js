"use strict";
// The part in 3D, of a scan's page and of a study's: begun once the rest is drawn, turned to the place that is chosen.
let part = null;

// Called by the 3D frame once it has drawn.
function partReady(viewer) {
  part = viewer;
  document.dispatchEvent(new Event("part"));
  document.body.dataset.part = "ready";
}

// Where it can be drawn at all.
function begin3D() {
  const frame = document.getElementById("part");
  if (!frame) return;
  const canvas = document.createElement("canvas");
  if (canvas.getContext("webgl2") || canvas.getContext("webgl")) frame.srcdoc = frame.dataset.page;
  else document.body.classList.add("without-webgl");
}

function lookAt(row) {
  document.querySelectorAll("tr.place").forEach((other) => other.classList.toggle("chosen", other === row));
  if (part) part.setCamera(JSON.parse(row.dataset.camera));
  const there = document.body.classList.contains("without-webgl") ? "still" : "turned";
  document.getElementById(there)?.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

// Rows that act when they are clicked, and by the keyboard.
function answer(rows, act) {
  document.querySelectorAll(rows).forEach((row) => {
    row.addEventListener("click", () => act(row));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        act(row);
      }
    });
  });
}

document.addEventListener("DOMContentLoaded", () => {
  requestAnimationFrame(() => setTimeout(begin3D, 0));
  answer("tr.place", lookAt);
});
