// The list of keys under "?", and the switch in it (WCAG 2.1.4), which holds for every page with keys of its own.
"use strict";

(() => {
  const STORE = "portal-review-shortcuts";
  const help = document.getElementById("shortcuts-help");
  const box = document.getElementById("shortcuts");

  const enabled = () => {
    try {
      return localStorage.getItem(STORE) !== "off";
    } catch {
      return true; // storage is switched off: the keys stay on for this page
    }
  };

  if (box) {
    box.checked = enabled();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem(STORE, box.checked ? "on" : "off");
      } catch { /* nothing can be kept */ }
      window.portal.announce(box.checked ? "Keyboard shortcuts are on" : "Keyboard shortcuts are off");
    });
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-shortcuts]")) help?.showModal();
  });

  window.portal.shortcuts = { enabled, help };
})();
