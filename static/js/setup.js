// The setup page: the company picker and buttons that say they are busy. Everything here also works
// without this file: the picker is a search form, the buttons submit.
"use strict";

(() => {
  const WAIT = 40; // ms after the last key before the server is asked

  // --- company picker: the ARIA combobox pattern, options from the server ---------------------------

  class Picker {
    constructor(form, link) {
      this.form = form;
      this.link = link; // the text that it stands in for, in a row of the table
      this.input = form.querySelector("input[name=q]");
      this.saved = this.input.value;
      this.list = document.createElement("ul");
      this.list.id = `${form.dataset.row}-list`;
      this.list.className = "combobox-list";
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", "Companies");
      this.list.hidden = true;
      form.append(this.list);
      this.input.setAttribute("role", "combobox");
      this.input.setAttribute("aria-autocomplete", "list");
      this.input.setAttribute("aria-controls", this.list.id);
      this.input.setAttribute("aria-expanded", "false");
      this.input.addEventListener("input", () => this.askSoon());
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("blur", () => setTimeout(() => { this.close(true); this.leave(); }, 150));
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]:not([aria-disabled])");
        if (option) this.choose(option);
      });
    }

    get options() { return [...this.list.querySelectorAll("[role=option]:not([aria-disabled])")]; }
    get active() { return this.list.querySelector("[aria-selected=true]"); }

    askSoon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(this.input.value.trim()), WAIT);
    }

    async ask(text) {
      this.request?.abort();
      const { signal } = this.request = new AbortController();
      const address = `${this.form.dataset.choose}?${new URLSearchParams({ q: text })}`;
      let options;
      try {
        const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
        const answer = await fetch(address, { headers, signal });
        if (window.portal.ledAway(answer, { row: this.form.dataset.row, text })) return;
        options = answer.ok
          ? await answer.text()
          : '<li class="combobox-empty" role="option" aria-disabled="true" aria-selected="false">The companies could not be searched. Reload the page.</li>';
      } catch (error) {
        if (error.name === "AbortError") return;
        options = '<li class="combobox-empty" role="option" aria-disabled="true" aria-selected="false">No connection to the portal.</li>';
      }
      await window.portal.released();
      if (signal.aborted) return; // a company was clicked, or another text is asked for
      this.list.innerHTML = options;
      this.list.hidden = false;
      this.input.setAttribute("aria-expanded", "true");
      this.list.scrollIntoView({ block: "nearest" });
      this.isFound = Boolean(text && this.options[0]);
      this.mark(text ? this.options[0] : null);
    }

    mark(option) {
      this.active?.setAttribute("aria-selected", "false");
      if (option) {
        option.setAttribute("aria-selected", "true");
        option.scrollIntoView({ block: "nearest" });
        this.input.setAttribute("aria-activedescendant", option.id);
      } else {
        this.input.removeAttribute("aria-activedescendant");
      }
    }

    close(restore) {
      clearTimeout(this.timer);
      this.request?.abort();
      this.list.hidden = true;
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
      if (restore && document.body.contains(this.input)) this.input.value = this.saved;
    }

    leave() {
      if (!this.link || this.isSending || document.activeElement === this.input) return;
      this.link.hidden = false;
      this.form.remove();
    }

    key(event) {
      const options = this.options;
      const at = options.indexOf(this.active);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (this.list.hidden) { this.ask(this.input.value === this.saved ? "" : this.input.value.trim()); return; }
        // What a search has marked by itself is where Down begins: Down and Enter take the first hit, as Enter does.
        const step = event.key === "ArrowDown" ? Number(!this.isFound) : -1;
        this.isFound = false;
        this.mark(options[(at + step + options.length) % options.length] ?? null);
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (this.active && !this.list.hidden) this.choose(this.active);
        else this.ask(this.input.value === this.saved ? "" : this.input.value.trim());
      } else if (event.key === "Escape" && !this.list.hidden) {
        event.preventDefault();
        event.stopPropagation();
        this.close(true);
      }
    }

    async choose(option) {
      if (this.form.dataset.visit) {
        this.close(true);
        const address = `${this.form.dataset.visit}&company=${option.dataset.company}`;
        await htmx.ajax("GET", address, { source: this.form, target: "#review", swap: "outerHTML" });
        return;
      }
      const values = { company: option.dataset.company };
      if ("move" in this.form.dataset) values.move = "1";
      const before = this.saved;
      this.saved = option.dataset.name;
      this.isSending = true;
      this.close(true);
      await htmx.ajax("POST", this.form.dataset.choose, {
        source: this.form, target: `#${this.form.dataset.row}`, swap: "outerHTML", values,
      }).catch(() => {}); // base.js has said so
      this.isSending = false;
      if (this.input.isConnected) { // the row was not drawn anew: it shows what it still has
        this.saved = before;
        this.close(true);
      }
      // Whoever has gone on to something else meanwhile stays there.
      const row = document.getElementById(this.form.dataset.row), at = document.activeElement;
      if (at === document.body || row?.contains(at)) row?.querySelector(".company-link, [role=combobox], input[name=q]")?.focus();
    }
  }

  // The company of a row is text until somebody wants another one: by a click, Enter, or typing its name.
  function openPicker(link, typed) {
    const row = link.closest("tr"), form = document.createElement("form"), input = document.createElement("input");
    form.className = "combobox";
    form.setAttribute("role", "search");
    Object.assign(form.dataset, { combobox: "", choose: link.pathname, row: row.id });
    if (new URLSearchParams(link.search).has("move")) form.dataset.move = "";
    input.className = "form-control form-control-sm";
    Object.assign(input, { name: "q", autocomplete: "off", spellcheck: false, placeholder: "Search companies" });
    input.value = link.classList.contains("company-none") ? "" : link.textContent;
    input.setAttribute("aria-label", link.getAttribute("aria-label").split(": ")[0]);
    form.append(input);
    link.hidden = true;
    link.after(form);
    form.picker = new Picker(form, link);
    input.focus();
    if (typed === undefined) { input.select(); form.picker.ask(""); return form.picker; }
    input.value = typed;
    form.picker.askSoon();
    return form.picker;
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-pick]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openPicker(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !event.target.matches?.("[data-pick]")) return;
    if (!/^[\p{L}\p{N}]$/u.test(event.key)) return;
    event.preventDefault();
    openPicker(event.target, event.key);
  });

  const equip = (root) => {
    for (const form of root.querySelectorAll("[data-combobox]")) form.picker ??= new Picker(form);
  };
  equip(document);
  document.addEventListener("htmx:load", (event) => equip(event.target));
  document.addEventListener("click", (event) => {
    const picker = event.target.closest?.("[data-combobox]")?.picker;
    if (picker && event.target === picker.input && picker.list.hidden) { picker.input.select(); picker.ask(""); }
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-combobox]")) event.preventDefault();
  });
  // Whoever had to sign in again while looking for a company goes on with the text that was looked for.
  document.addEventListener("portal:picked", ({ detail: { row, text } }) => {
    const link = document.getElementById(row)?.querySelector("[data-pick]");
    const picker = link ? openPicker(link, text)
      : [...document.querySelectorAll("[data-combobox]")].find((form) => form.dataset.row === row)?.picker;
    if (!picker) return;
    picker.input.focus();
    picker.input.value = text;
    picker.ask(text);
  });

  // --- a field that is left is checked by the server, the only judge --------------------------------

  async function check(field) {
    const form = field.form, others = form.dataset.checkWith.split(" ");
    const values = new URLSearchParams({ check: field.name });
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && (name === field.name || others.includes(name) || others.includes("*"))) values.append(name, value);
    }
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const headers = { "X-CSRFToken": token, "HX-Request": "true", "HX-Current-URL": location.href };
    const answer = await fetch(form.dataset.check, { method: "POST", body: values, headers });
    if (window.portal.ledAway(answer)) return false;
    const place = field.closest(".field");
    const text = await answer.text();
    await window.portal.released();
    if (!answer.ok || !place?.isConnected) return true;
    const found = new DOMParser().parseFromString(text, "text/html").querySelector(".errorlist");
    place.querySelector(".errorlist")?.remove();
    place.classList.toggle("field-invalid", Boolean(found));
    const error = `${field.id}_error`;
    const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== error);
    if (found) {
      found.id = error;
      (field.closest(".with-button") ?? field).after(found);
      field.setAttribute("aria-invalid", "true");
      described.unshift(error);
      window.portal.announce(found.textContent);
    } else field.removeAttribute("aria-invalid");
    if (described.length) field.setAttribute("aria-describedby", described.join(" "));
    else field.removeAttribute("aria-describedby");
    return !found;
  }

  // A refused page comes back without the secrets that were typed, and some are shown only once where they come
  // from: what the portal can judge by itself is judged before a form with a typed secret leaves the page.
  const judged = new WeakSet(), inCheck = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (judged.delete(form) || !form.matches("form[data-check]")) return;
    const fields = [...form.querySelectorAll("input[name]:not([type=checkbox], [type=hidden])")];
    if (!fields.some((field) => "secret" in field.dataset && field.value)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (inCheck.has(form)) return;
    inCheck.add(form);
    // Without a connection the form goes on: saving will tell.
    Promise.all(fields.map((field) => check(field).catch(() => true))).then((fine) => {
      inCheck.delete(form);
      if (!form.isConnected) return;
      if (!fine.every(Boolean)) { fields[fine.indexOf(false)].focus(); return; }
      judged.add(form);
      form.requestSubmit(event.submitter);
    });
  }, true);

  const touched = new WeakSet();
  document.addEventListener("input", (event) => touched.add(event.target));
  document.addEventListener("focusout", (event) => {
    const field = event.target;
    const isChecked = field.matches?.("form[data-check] :is(input[name]:not([type=checkbox]), textarea)");
    // Who only passes through has not answered yet, and is not told off for it.
    if (isChecked && (touched.has(field) || field.getAttribute("aria-invalid") === "true")) {
      check(field).catch(() => {}); // no connection: saving will tell
    }
  });

  // Replace opens the field of a stored secret; closing it again keeps what is stored.
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details.replace")) return;
    const field = event.target.querySelector("input");
    if (!event.target.open) field.value = "";
    // Where the page came with it open, the focus is at the summary of the errors.
    else if (event.target.contains(document.activeElement) || document.activeElement === document.body) field.focus();
  }, true);

  // A row that was swapped by one of its own buttons keeps the focus: people go on from where they were. htmx
  // finds a button of the same id again; where it went with its filter row, the next one is Add filter.
  document.addEventListener("htmx:afterSettle", (event) => {
    const row = event.detail.target?.matches?.("tr[id]") && document.getElementById(event.detail.target.id);
    if (document.activeElement !== document.body) return;
    if (row) row.querySelector(".row-link, a, button")?.focus();
    else if (event.detail.target?.id === "filter-rows") document.getElementById("filters-add")?.focus();
  });

  // --- leaving with entries that were not saved warns ------------------------------------------------

  const entries = (form) => new URLSearchParams([...new FormData(form)].filter(
    ([name]) => name !== "csrfmiddlewaretoken")).toString();
  const guarded = new Map();
  function guard(part) {
    for (const form of part.querySelectorAll("form[data-guard]")) {
      if (!guarded.has(form)) guarded.set(form, form.dataset.guard ? "" : entries(form));
    }
  }
  guard(document);
  document.addEventListener("htmx:load", (event) => guard(event.detail.elt)); // a form that comes when it is opened
  let sent = null, isKept = false;
  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) sent = event.target; });
  document.addEventListener("portal:kept", () => { isKept = true; });
  window.addEventListener("pageshow", () => { sent = null; isKept = false; });
  window.addEventListener("beforeunload", (event) => {
    if (isKept) return;
    for (const [form, before] of guarded) {
      if (form !== sent && form.isConnected && entries(form) !== before) event.preventDefault();
    }
  });

  // --- buttons that start something slow say so -----------------------------------------------------

  const GIVES_UP_AFTER = 60_000; // ms

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy || event.defaultPrevented) return;
    const rest = [...button.childNodes], over = new AbortController();
    setTimeout(() => { button.disabled = true; button.replaceChildren(button.dataset.busy); });
    const again = () => { over.abort(); button.disabled = false; button.replaceChildren(...rest); };
    addEventListener("pageshow", again, { signal: over.signal });
    // No page may come: Esc stops it, and nothing tells of an answer without one.
    addEventListener("keydown", (pressed) => { if (pressed.key === "Escape") again(); }, { signal: over.signal });
    const timer = setTimeout(again, GIVES_UP_AFTER);
    over.signal.addEventListener("abort", () => clearTimeout(timer));
  });
})();
