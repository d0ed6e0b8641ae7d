// A session that ends loses nothing: what was entered stays in this tab's own storage while somebody signs in again,
// and the page says when the end is near. Passwords, keys and files are never kept. Without this file the server
// leads back to the page all the same, and what it had stored (every choice in the mapping table) is there.
"use strict";

(() => {
  const ENTRIES = "portal-entries"; // of this tab
  const ENDS = "portal-session-ends"; // of all tabs: ms since 1970
  const LOST_WITHIN = 60_000; // ms from sending a form to the sign-in page, or it was not the session
  const KEPT_FOR = 3_600_000; // ms
  const WARNED_BEFORE = 300_000; // ms
  const { person } = document.body.dataset;

  // --- entries ------------------------------------------------------------------------------------------

  const isSecret = (field) => field.type === "password" || field.type === "file"
    || field.autocomplete?.includes("password") || field.autocomplete === "one-time-code"
    || Boolean(field.id && document.querySelector(`[data-secret-toggle][aria-controls="${CSS.escape(field.id)}"]`));
  const isKept = (field) => field.name && !field.disabled && field.name !== "csrfmiddlewaretoken" && !isSecret(field)
    && !["submit", "button", "reset", "image"].includes(field.type) && (field.type !== "hidden" || field.form.dataset.redraw);
  const isOn = (field) => (["checkbox", "radio"].includes(field.type) ? field.checked : true);
  const valuesOf = (field) => (field.multiple ? [...field.selectedOptions].map((option) => option.value) : [field.value]);
  const nameOf = (form) => form.id || form.getAttribute("action") || "";
  const formsToKeep = () => [...document.forms].filter((form) => form.method === "post");

  function keep(picked) {
    const forms = {};
    let left = false; // a secret or a file was entered, which has to be entered again
    for (const form of formsToKeep()) {
      const fields = [...form.elements];
      left ||= fields.some((field) => isSecret(field) && field.value);
      const kept = fields.filter(isKept);
      if (kept.length) forms[nameOf(form)] = kept.filter(isOn).flatMap((field) => valuesOf(field).map((value) => [field.name, value]));
    }
    const entries = { person, path: location.pathname + location.search, at: Date.now(), forms, left, picked };
    try {
      sessionStorage.setItem(ENTRIES, JSON.stringify(entries));
      return true;
    } catch {
      return false; // nothing can be kept in this browser
    }
  }

  // Who is led to the sign-in page finds the entries again, so is not asked whether to leave them (setup.js).
  function keepAndLeave(picked) {
    if (keep(picked)) document.dispatchEvent(new CustomEvent("portal:kept"));
  }

  function kept() {
    try {
      return JSON.parse(sessionStorage.getItem(ENTRIES));
    } catch {
      return null;
    }
  }

  function forget() {
    try {
      sessionStorage.removeItem(ENTRIES);
    } catch { /* nothing was kept either */ }
  }

  function fill(form, pairs) {
    for (const field of [...form.elements].filter(isKept)) {
      const values = pairs.filter(([name]) => name === field.name).map(([, value]) => value);
      const before = isOn(field) ? field.value : null;
      if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
      else if (field.multiple) for (const option of field.options) option.selected = values.includes(option.value);
      else if (values.length) [field.value] = values;
      if ((isOn(field) ? field.value : null) === before) continue;
      for (let around = field.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
      field.dispatchEvent(new Event(field.type === "checkbox" ? "change" : "input", { bubbles: true }));
    }
  }

  async function restore() {
    const entries = kept();
    if (!entries) return;
    if (!person) { // the sign-in
      if (!entries.ended && Date.now() - entries.at > LOST_WITHIN) forget();
      else sessionStorage.setItem(ENTRIES, JSON.stringify({ ...entries, ended: true }));
      return;
    }
    const isOld = Date.now() - entries.at > KEPT_FOR;
    if (!entries.ended || isOld || entries.person !== person) { forget(); return; }
    if (entries.path !== location.pathname + location.search) return;
    forget();
    for (const place of document.querySelectorAll("[data-form-later]")) { // a form that comes when it is opened
      if (!(place.dataset.formLater in entries.forms)) continue;
      await htmx.ajax("GET", place.getAttribute("hx-get"), { source: place, target: place, swap: "outerHTML" });
    }
    for (const form of formsToKeep()) {
      const pairs = entries.forms[nameOf(form)];
      if (!pairs) continue;
      const { redraw } = form.dataset; // its rows come and go: the server draws those that there were
      const target = redraw && form.querySelector("[data-redrawn]");
      if (target) sendEntries(form, target, pairs);
      else fill(form, pairs);
    }
    if (entries.left) askForSecrets();
    if (entries.picked) document.dispatchEvent(new CustomEvent("portal:picked", { detail: entries.picked }));
  }

  // Said with what the page says already, and the first of them comes into the middle, where no message lies over it.
  function askForSecrets() {
    const text = "Passwords, keys and files were not kept: enter those again.";
    const said = document.querySelector("#messages-status .alert-text");
    if (said) said.append(` ${text}`);
    else window.portal.tell("info", text);
    const secret = formsToKeep().flatMap((form) => [...form.elements]).find((field) => isSecret(field) && field.checkVisibility());
    secret?.scrollIntoView({ block: "center" });
  }

  async function sendEntries(form, target, pairs) {
    const same = new URLSearchParams([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken"));
    if (same.toString() === new URLSearchParams(pairs).toString()) return;
    const values = {};
    for (const [name, value] of pairs) values[name] = name in values ? [values[name], value].flat() : value;
    for (let around = form.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    await htmx.ajax("POST", form.dataset.redraw, { source: target, target, swap: "outerHTML", values });
  }

  document.addEventListener("submit", (event) => { if (event.target.method === "post" && person) keep(); }, true);
  const leadsAway = (xhr) => /HX-Redirect:/i.test(xhr.getAllResponseHeaders());
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr } = event.detail;
    if (!leadsAway(xhr) || !person) return;
    keepAndLeave(elt.picker && { row: elt.dataset.row, text: elt.picker.saved });
  });
  document.addEventListener("htmx:afterOnLoad", (event) => { if (!leadsAway(event.detail.xhr)) forget(); }); // it arrived
  document.addEventListener("DOMContentLoaded", () => setTimeout(restore)); // after the page's own scripts

  // Whatever asks the server beside htmx: true when the answer leads away, which it then does.
  window.portal.ledAway = (answer, picked) => {
    const address = answer.headers.get("HX-Redirect");
    note(answer.headers.get("Session-Ends-In"));
    if (!address) return false;
    keepAndLeave(picked);
    location.assign(address);
    return true;
  };

  // --- the end is near ----------------------------------------------------------------------------------

  let timer = 0, latest = 0, warning = null;

  function note(told) {
    if (!told) return;
    const [idle, whole] = told.split(" ").map((seconds) => Date.now() + 1000 * Number(seconds));
    latest = whole;
    try {
      localStorage.setItem(ENDS, String(idle));
    } catch { /* then each tab knows of itself only */ }
    plan(idle);
  }

  function plan(end) {
    warning?.remove();
    warning = null;
    clearTimeout(timer);
    const left = end - Date.now();
    timer = setTimeout(() => warn(end), Math.max(0, left - Math.min(WARNED_BEFORE, left / 5)));
  }

  function warn(end) {
    const minutes = Math.max(1, Math.round((end - Date.now()) / 60_000));
    const within = `Your session ends in ${minutes} minute${minutes === 1 ? "" : "s"}`;
    if (end >= latest - 1000) {
      warning = window.portal.tell("warning", `${within}: it is as long as a session may be. Save what you have begun and sign in again; what is entered then is kept for afterwards.`);
      return;
    }
    warning = window.portal.tell("warning", `${within}, because nothing is being done here.`);
    const stay = document.createElement("button");
    stay.className = "btn btn-sm btn-outline-secondary";
    stay.type = "button";
    stay.textContent = "Stay signed in";
    stay.addEventListener("click", async () => {
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
      const answer = await fetch(document.body.dataset.stay, { headers });
      if (!window.portal.ledAway(answer)) window.portal.announce("You stay signed in");
    });
    warning.querySelector(".toolbar").prepend(stay);
  }

  window.addEventListener("storage", (event) => {
    if (event.key === ENDS && Number(event.newValue) > Date.now() && latest) plan(Math.min(Number(event.newValue), latest));
  });
  document.addEventListener("htmx:afterRequest", (event) => note(event.detail.xhr?.getResponseHeader("Session-Ends-In")));
  note(document.body.dataset.session);
})();
