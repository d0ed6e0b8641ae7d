// The inbox by keyboard: J and K go from row to row, X ticks one, E keeps, I ignores, R takes the proposed company,
// D unmaps; where rows are ticked, E, I and D mean all of those. Listed under "?", and can be switched off there
// (shortcuts.js). Without this file the same buttons work.
"use strict";

(() => {
  const KEYS = { e: "keep", i: "ignore", r: "remap", d: "unmap" };
  const form = document.getElementById("inbox");
  const { enabled, help } = window.portal.shortcuts;
  let isSent = false;

  if (!form) return;

  const ticks = () => [...form.querySelectorAll("tbody input[name=row]")];
  const rows = () => [...form.querySelectorAll("tbody tr")];
  const current = () => document.activeElement?.closest?.("#inbox tbody tr");

  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) for (const tick of ticks()) tick.checked = event.target.checked;
  });
  // One press, one answer: a second one would decide rows of a page that is going.
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  window.addEventListener("pageshow", () => { isSent = false; });

  function go(step) {
    const all = rows();
    const from = all.indexOf(current());
    const row = from < 0 ? all[step > 0 ? 0 : all.length - 1] : all[from + step];
    row?.querySelector(".row-link")?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  function press(name) {
    const isTicked = ticks().some((tick) => tick.checked);
    const row = current() ?? rows()[0];
    const button = isTicked ? form.querySelector(`[data-bulk="${name}"]`) : row?.querySelector(`[data-one="${name}"]`);
    if (button) form.requestSubmit(button);
  }

  document.addEventListener("focusin", () => {
    form.querySelector(".row-current")?.classList.remove("row-current");
    current()?.classList.add("row-current");
  });

  document.addEventListener("keydown", (event) => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help?.open) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if (event.key === "?") help?.showModal();
    else if (event.key === "j" || event.key === "k") go(event.key === "j" ? 1 : -1);
    else if (event.repeat) return; // a key that is held down decides nothing
    else if (event.key === "x") current()?.querySelector("input[name=row]")?.click();
    else if (KEYS[event.key]) press(KEYS[event.key]);
    else return;
    event.preventDefault();
  });

  // After a decision the next row is at hand.
  if (form.querySelector("[data-one]")) go(1);
})();
