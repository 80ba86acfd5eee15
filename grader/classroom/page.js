"use strict";
(() => {
  const table = document.getElementById("class");
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const find = document.getElementById("find");
  const group = document.getElementById("group");
  const status = document.getElementById("status");
  const mistake = document.getElementById("mistake");
  const count = document.getElementById("count");
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" }).compare;
  const plain = (text) => text.toLocaleLowerCase().replaceAll("ё", "е");
  const rows = [...body.rows].map((row) => ({
    row,
    cells: [...row.cells].map((cell) => cell.textContent.trim()),
    text: plain(`${row.cells[0].textContent} ${row.querySelector("a").getAttribute("href")}`),
    group: row.dataset.group,
    status: row.dataset.status,
    mistakes: row.dataset.mistakes ? row.dataset.mistakes.split(" ") : [],
  }));

  const controls = [find, group, status, mistake];
  let sorted = {};
  let saving = 0;
  const save = () => {
    clearTimeout(saving);
    saving = setTimeout(() => history.replaceState({ ...sorted, values: controls.map((one) => one.value) }, ""), 100);
  };

  const place = () => {
    const fragment = document.createDocumentFragment();
    for (const one of rows) fragment.append(one.row);
    body.append(fragment);
  };

  const sort = (column) => {
    const header = headers[column];
    const isNumber = header.dataset.sort === "number";
    const now = header.getAttribute("aria-sort");
    const order = now === "ascending" ? "descending" : now === "descending" ? "ascending" : isNumber ? "descending" : "ascending";
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((one, other) => {
      const a = one.cells[column];
      const b = other.cells[column];
      if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
      return sign * (isNumber ? Number(a) - Number(b) : compare(a, b));
    });
    place();
    sorted = { column, order };
    save();
  };

  const filter = () => {
    const words = plain(find.value).split(/\s+/).filter(Boolean);
    let left = 0;
    for (const one of rows) {
      const isShown =
        words.every((word) => one.text.includes(word)) &&
        (!group.value || one.group === group.value) &&
        (!status.value || one.status === status.value) &&
        (!mistake.value || one.mistakes.includes(mistake.value));
      one.row.hidden = !isShown;
      left += isShown;
    }
    count.textContent = count.dataset.text.replace(/##?/g, (mark) => (mark === "#" ? left : rows.length));
  };

  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(column));
  });
  for (const control of controls) control.addEventListener("input", () => (filter(), save()));
  count.parentElement.hidden = false;
  // After Back the browser restores some of the fields, and later than this script runs: the history has all of them.
  const kept = history.state;
  if (kept && kept.column !== undefined) {
    sort(kept.column);
    if (headers[kept.column].getAttribute("aria-sort") !== kept.order) sort(kept.column);
  }
  const restore = () => {
    if (kept && kept.values) controls.forEach((one, place) => (one.value = kept.values[place]));
    filter();
  };
  restore();
  window.addEventListener("pageshow", (event) => event.persisted || restore());
})();
