"use strict";
// The page of many scans: a click on a heading sorts the table by it, a second one the other way round.
document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("table.sortable");
  const body = table.tBodies[0];
  table.querySelectorAll("th[data-sort]").forEach((heading) =>
    heading.addEventListener("click", () => {
      const column = heading.cellIndex;
      const up = heading.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const compare =
        heading.dataset.sort === "number"
          ? (a, b) => (value(a) === "" ? -Infinity : Number(value(a))) - (value(b) === "" ? -Infinity : Number(value(b)))
          : (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true });
      [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(a, b)).forEach((row) => body.append(row));
    }),
  );
});
