// Work by keyboard: in review mode a key presses the control that carries its name in data-key, in the table
// keys go from row to row. All of them are listed under "?", and can be switched off (shortcuts.js). Without
// this file the same buttons and links work.
"use strict";

(() => {
  const REVIEW = { j: "next", k: "previous", r: "reject", i: "ignore", y: "keep", u: "undo", "/": "pick", Escape: "leave" };
  const { enabled, help } = window.portal.shortcuts;

  // --- review mode -----------------------------------------------------------------------------------

  const review = () => document.getElementById("review");

  // Where nothing can be accepted and no row follows, people pick a company; who has left its field wants no other.
  // On a phone the buttons stand below both records: there a row begins with its name, whatever has the focus, and
  // the field would bring its list and the keyboard over it.
  const phone = matchMedia("(max-width: 39.99rem)");
  const takePlace = (last = phone.matches ? "leave" : "pick") => {
    for (const name of ["accept", "next", last]) {
      const control = review()?.querySelector(`[data-key="${name}"]`);
      if (control) { control.focus({ preventScroll: phone.matches }); return; }
    }
  };

  function reviewKey(key) {
    const name = REVIEW[key] ?? (/^[1-9]$/.test(key) ? key : null);
    const control = name === "undo"
      ? document.querySelector('#messages-status [data-key="undo"], #last-step [data-key="undo"]')
      : name && review()?.querySelector(`[data-key="${name}"]`);
    if (!control) return false;
    if (control.matches("input")) control.focus();
    else control.click();
    return true;
  }

  // Who types faster than the answers come means the row that is coming: keys wait for it.
  const waiting = [];
  const isUnderWay = () => review()?.querySelector(".htmx-request") !== null;

  function press(key) {
    if (key === "Enter") document.activeElement?.click();
    else reviewKey(key);
  }

  function pressWaiting() {
    while (waiting.length && !isUnderWay()) press(waiting.shift());
  }

  // --- the table -------------------------------------------------------------------------------------

  const rows = () => [...document.querySelectorAll("#mapping-table tbody tr")];
  const current = () => document.activeElement?.closest?.("#mapping-table tbody tr");

  function go(step) {
    const all = rows();
    const from = all.indexOf(current());
    const row = from < 0 ? all[step > 0 ? 0 : all.length - 1] : all[from + step];
    (row?.querySelector(".row-link") ?? row?.querySelector("a, button, input:not([type=hidden])"))?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  function tableKey(key) {
    if (key === "/") document.getElementById("table-q")?.focus();
    else if (key === "j" || key === "k") go(key === "j" ? 1 : -1);
    else if (key === "x") current()?.querySelector("input[type=checkbox]")?.click();
    else if (key === "e") current()?.querySelector("[data-pick]")?.click();
    else if (key === "Enter" && document.activeElement?.matches("input[type=checkbox]")) current()?.querySelector(".row-link")?.click();
    else return false;
    return true;
  }

  // A row that is on, is seen to be.
  document.addEventListener("focusin", () => {
    document.querySelector("#mapping-table .row-current")?.classList.remove("row-current");
    current()?.classList.add("row-current");
  });

  document.addEventListener("keydown", (event) => {
    // A key that is held down goes on through the rows; it decides nothing.
    if (event.repeat && !["j", "k"].includes(event.key) && !event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key.length === 1) event.preventDefault();
      return;
    }
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help?.open) return;
    if (review() && isUnderWay() && (event.key.length === 1 || event.key === "Enter" || event.key === "Escape")) {
      waiting.push(event.key);
      event.preventDefault();
      return;
    }
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key !== "Escape") return;
      const row = current();
      event.target.blur();
      if (review()) takePlace("leave");
      else row?.querySelector(".row-link")?.focus();
      return;
    }
    if (event.key === "?" && help) help.showModal();
    else if (!(review() ? reviewKey(event.key) : tableKey(event.key))) return;
    event.preventDefault();
  });

  // The focus moves on with the row. Left on what goes, it makes the browser lay the page out once more for nothing.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, shouldSwap } = event.detail;
    if (shouldSwap && target?.id === "review" && target.contains(document.activeElement)) document.activeElement.blur();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "review" || event.detail.elt?.id === "review") {
      if (event.detail.requestConfig?.verb === "post") document.getElementById("last-step")?.remove(); // it is no more the last
      takePlace();
      if (phone.matches) window.scrollTo(0, 0);
    }
  });
  document.addEventListener("htmx:afterSettle", () => { if (review()) pressWaiting(); });
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.failed) waiting.length = 0; });
  takePlace();
})();
