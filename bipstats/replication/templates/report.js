/* Sorting, filtering, unfolding and copying; without it the page is whole. */
(() => {
  "use strict";
  const tools = document.querySelector(".tools");
  const ledger = document.querySelector(".rows");
  const rows = [...ledger.querySelectorAll(".row")];
  const subjects = [...ledger.querySelectorAll(".subject")];
  const order = [...ledger.children];
  const told = (row) => [...row.querySelectorAll(":scope > summary, .note, .pair, .grid-table")];
  const texts = new Map(rows.map((row) => [row, told(row).map((part) => part.textContent).join(" ").toLowerCase()]));
  const find = tools.querySelector("input");
  const [verdict, status] = tools.querySelectorAll("select");
  const count = tools.querySelector(".count");
  const nothing = document.querySelector(".nothing");
  const buttons = [...tools.querySelectorAll("[data-sort]")];
  const keys = {
    id: (row) => row.dataset.id,
    verdict: (row) => Number(row.dataset.order),
    difference: (row) => -Number(row.dataset.difference),
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  let sorted = "subject";
  let down = false;

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = (!verdict.value || row.dataset.verdict === verdict.value)
        && (!status.value || row.dataset.status === status.value)
        && words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const subject of subjects) {
      let row = subject.nextElementSibling;
      let empty = true;
      while (row && row.matches(".row")) { empty = empty && row.hidden; row = row.nextElementSibling; }
      subject.hidden = sorted !== "subject" || empty;
    }
    nothing.hidden = shown > 0;
    count.textContent = count.dataset.text.replace("{shown}", shown).replace("{all}", rows.length);
  }

  function sort(name) {
    down = name === sorted && name !== "subject" ? !down : false;
    sorted = name;
    for (const button of buttons) {
      const own = button.dataset.sort === name;
      button.setAttribute("aria-pressed", String(own));
      button.querySelector("span").textContent = own && name !== "subject" ? (down === (name !== "difference") ? " ↓" : " ↑") : "";
    }
    const known = (row) => name !== "difference" || row.dataset.difference !== "";
    const list = name === "subject" ? order : [...rows].sort((a, b) =>
      Number(known(b)) - Number(known(a))
      || (down ? -1 : 1) * compare(keys[name](a), keys[name](b))
      || order.indexOf(a) - order.indexOf(b));
    ledger.append(...list);
    filter();
  }

  for (const button of buttons) button.addEventListener("click", () => sort(button.dataset.sort));
  for (const field of [find, verdict, status]) field.addEventListener("input", filter);
  tools.querySelector("[data-do=clear]").addEventListener("click", () => {
    find.value = verdict.value = status.value = "";
    filter();
    find.focus();
  });
  const fold = tools.querySelector("[data-do=fold]");
  fold.addEventListener("click", () => {
    const open = fold.dataset.open !== "true";
    for (const row of rows) row.open = open && !row.hidden;
    fold.dataset.open = String(open);
    fold.textContent = open ? fold.dataset.fold : fold.dataset.unfold;
  });

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? button.dataset.copied : button.dataset.failed;
    window.setTimeout(() => { button.textContent = button.dataset.copy; }, 2000);
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }

  function unfoldTarget() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.matches(".row")) {
      row.open = true;
      if (row.hidden) tools.querySelector("[data-do=clear]").click();
      row.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", unfoldTarget);

  tools.hidden = false;
  filter();
  unfoldTarget();
})();
