// Review mode by keyboard: a key presses the control that carries its name in data-key. Keys can be
// switched off (WCAG 2.1.4); without this file the same buttons and links work.
"use strict";

(() => {
  const STORE = "portal-review-shortcuts";
  const KEYS = { j: "next", k: "previous", r: "reject", i: "ignore", y: "keep", "/": "pick", Escape: "leave" };

  const enabled = () => localStorage.getItem(STORE) !== "off";

  const equip = () => {
    const box = document.getElementById("shortcuts");
    if (box) box.checked = enabled();
    const accept = document.querySelector('#review [data-key="accept"]');
    if (accept) accept.focus();
    else document.querySelector('#review [data-key="next"], #review [data-key="pick"]')?.focus();
  };

  document.addEventListener("change", (event) => {
    if (event.target.id === "shortcuts") localStorage.setItem(STORE, event.target.checked ? "on" : "off");
  });

  document.addEventListener("keydown", (event) => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (typing) {
      if (event.key === "Escape") { event.target.blur(); equip(); }
      return;
    }
    const name = KEYS[event.key] ?? (/^[1-9]$/.test(event.key) ? event.key : null);
    const control = name && document.querySelector(`#review [data-key="${name}"]`);
    if (!control) return;
    event.preventDefault();
    if (control.matches("input")) control.focus();
    else control.click();
  });

  document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "review" || event.detail.elt?.id === "review") equip(); });
  if (!document.querySelector('#review [autofocus]')) equip();
})();
