// The inbox by keyboard: J and K go from row to row, X ticks one, Shift+X all, E keeps, I ignores, D unmaps, A gives to a
// colleague (where rows are ticked these mean all of them), R takes the proposed company, U undoes. Listed under "?",
// and can be switched off there (shortcuts.js). Without this file the same buttons work.
"use strict";

(() => {
  const KEYS = { e: "keep", i: "ignore", r: "remap", d: "unmap" };
  const PLACE = "portal-inbox-place";
  const form = document.getElementById("inbox");
  const person = document.getElementById("inbox-person");
  const phone = matchMedia("(max-width: 39.99rem)");
  const { enabled, help } = window.portal.shortcuts;
  let isSent = false;
  let given = null; // the row that A has ticked

  const ticks = () => [...form?.querySelectorAll("tbody input[name=row]") ?? []];
  const rows = () => [...form?.querySelectorAll("tbody tr") ?? []];
  const current = () => form?.querySelector("tbody tr.row-current");
  const isTicked = (row) => row.querySelector("input[name=row]")?.checked ?? false;

  // --- the place in the list, which the page that answers takes again -------------------------------------------

  // Where the row was that was decided last, and whether the page that is coming answers a press.
  function place() {
    try {
      return JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
    } catch {
      return {}; // storage is switched off: each page begins with its first row
    }
  }

  function keep(what) {
    try {
      sessionStorage.setItem(PLACE, JSON.stringify(what));
    } catch { /* nothing can be kept */ }
  }

  function show(row) {
    row?.querySelector(".row-link")?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  function go(step) {
    const all = rows();
    const from = all.indexOf(current());
    show(from < 0 ? all[step > 0 ? 0 : all.length - 1] : all[from + step]);
  }

  const nameOf = (row) => row?.querySelector(".row-link")?.getAttribute("href");

  // One press, one answer: a second one would decide rows of a page that is going. The page that answers goes on
  // with the next row that was not decided, or with what came into its place; Undo leads back to the first that was.
  form?.addEventListener("submit", (event) => {
    if (isSent) { event.preventDefault(); return; }
    isSent = true;
    const all = rows();
    const isOne = event.submitter?.value.includes(":");
    const decided = isOne ? [event.submitter.closest("tr")] : all.filter(isTicked);
    const from = Math.max(0, all.indexOf(isOne ? decided[0] : current() ?? decided[0]));
    const isLeft = (row) => !decided.includes(row);
    keep({
      next: nameOf(all.slice(from).find(isLeft)), index: all.slice(0, from).filter(isLeft).length,
      undone: nameOf(decided[0]), undoneIndex: all.indexOf(decided[0]), isAnswer: true,
    });
  });
  window.addEventListener("pageshow", () => { isSent = false; });

  // --- keys -----------------------------------------------------------------------------------------------------

  function press(name) {
    const row = current();
    const isMany = ticks().some((tick) => tick.checked);
    if (!isMany && !row) { go(1); return; } // nobody is on a row: the first one is shown, not decided
    const button = isMany ? form.querySelector(`[data-bulk="${name}"]`) : row.querySelector(`[data-one="${name}"]`);
    if (button) form.requestSubmit(button);
    else if (isMany) window.portal.tell("info", "Companies are remapped one by one: untick the rows first.");
    else if (name === "remap") window.portal.tell("info", "No company is proposed for this row. Enter leads to its review.");
  }

  function give() {
    if (!person) return;
    if (!ticks().some((tick) => tick.checked)) {
      const row = current();
      if (!row) { go(1); return; }
      row.querySelector("input[name=row]").checked = true;
      given = row;
    }
    const row = current();
    person.focus();
    row?.classList.add("row-current");
  }

  function leavePerson() {
    const row = given ?? current() ?? rows()[0];
    if (given) given.querySelector("input[name=row]").checked = false;
    given = null;
    show(row);
  }

  // Enter in the list of people gives: left to the browser it would press nothing.
  person?.addEventListener("keydown", (event) => {
    if (event.repeat || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    if (event.key === "Enter") form.requestSubmit(form.querySelector('[data-bulk="assign"]'));
    else leavePerson();
  });

  function tickAll(isOn) {
    for (const tick of ticks()) tick.checked = isOn;
    const all = form?.querySelector("[data-tick-all]");
    if (all) all.checked = isOn;
  }

  form?.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) tickAll(event.target.checked);
  });

  function undo() {
    const button = document.querySelector('#messages-status [data-key="undo"], #last-step [data-key="undo"]');
    if (!button || isSent) return;
    isSent = true;
    const { undone, undoneIndex = 0 } = place();
    keep({ next: undone, index: undoneIndex, undone, undoneIndex, isAnswer: true });
    button.click();
  }

  // The row that is on stays it while the focus is in the bar above.
  document.addEventListener("focusin", (event) => {
    if (event.target.closest("[data-for-ticked]")) return;
    const row = event.target.closest("#inbox tbody tr");
    if (row === current()) return;
    current()?.classList.remove("row-current");
    row?.classList.add("row-current");
  });

  document.addEventListener("keydown", (event) => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help?.open) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "j" || key === "k") go(key === "j" ? 1 : -1);
    else if (event.repeat) return; // a key that is held down decides nothing
    else if (key === "?") help?.showModal();
    else if (key === "u") undo();
    else if (!form) return;
    else if (key === "x" && event.shiftKey) tickAll(!ticks().every((tick) => tick.checked));
    else if (event.shiftKey) return;
    else if (key === "x") current()?.querySelector("input[name=row]")?.click();
    else if (key === "a") give();
    else if (KEYS[key]) press(KEYS[key]);
    else return;
    event.preventDefault();
  });

  // On a phone the reasons are a line that scrolls: the one that is shown is in it.
  document.querySelector(".tabs-many [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // After a decision the next row is at hand; on a phone a page that answers nothing begins with its head.
  const { isAnswer = false, ...taken } = place();
  if (isAnswer) keep(taken);
  if (form?.querySelector("[data-one]") && (isAnswer || !phone.matches)) {
    const all = rows();
    const there = isAnswer ? all.find((row) => nameOf(row) === taken.next) ?? all[Math.min(taken.index, all.length - 1)] : all[0];
    show(there);
  }
})();
