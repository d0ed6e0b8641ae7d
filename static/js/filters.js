// The company filter: a search over its fields, and Enter that makes chips of what was typed. Without this file the
// fields are a list, the often used ones first, and Preview makes the chips.
"use strict";

(() => {
  const MOST_SHOWN = 200; // of a tenant's fields; more are found by typing

  // --- the search over a list: the ARIA combobox pattern, in the place of the <select>, which keeps the value ----

  class FieldSearch {
    constructor(button) {
      this.button = button;
      this.place = button.parentElement;
      this.select = this.place.querySelector("select");
      this.input = document.createElement("input");
      this.input.id = `${this.select.id}_search`;
      this.input.className = "form-control";
      this.input.type = "text";
      this.input.autocomplete = "off";
      this.input.spellcheck = false;
      this.input.placeholder = "Search fields";
      this.input.setAttribute("aria-label", "Search fields");
      this.list = document.createElement("ul");
      this.list.id = `${this.select.id}_list`;
      this.list.className = "combobox-list";
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", "Fields");
      const states = {
        role: "combobox", "aria-autocomplete": "list", "aria-controls": this.list.id, "aria-expanded": "true",
      };
      for (const [name, value] of Object.entries(states)) this.input.setAttribute(name, value);
      this.box = document.createElement("div");
      this.box.className = "combobox";
      this.box.append(this.input, this.list);
      this.input.addEventListener("input", () => this.show(this.input.value));
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("blur", () => this.close());
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option][data-value]");
        if (option) this.choose(option);
      });
      this.select.hidden = true;
      this.button.hidden = true;
      this.place.append(this.box);
      this.show("");
      this.input.focus();
    }

    get options() { return [...this.list.querySelectorAll("[role=option][data-value]")]; }
    get active() { return this.list.querySelector("[aria-selected=true]"); }

    show(text) {
      const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const holds = (option) => words.every((word) => `${option.textContent} ${option.value}`.toLowerCase().includes(word));
      this.list.replaceChildren();
      let number = 0;
      for (const group of this.select.querySelectorAll("optgroup")) {
        const found = [...group.children].filter((option) => holds(option) && number++ < MOST_SHOWN);
        if (found.length) this.list.append(this.heading(group.label), ...found.map((option) => this.item(option)));
      }
      if (!number) this.list.append(this.note("No field has this in its name."));
      this.mark(words.length ? this.options[0] : this.options.find((item) => item.dataset.value === this.select.value));
      window.clearTimeout(this.spoken);
      this.spoken = window.setTimeout(() => {
        if (this.box.isConnected && words.length) window.portal.announce(`${number} ${number === 1 ? "field" : "fields"}`);
      }, 400);
    }

    heading(text) {
      const item = document.createElement("li");
      item.className = "combobox-group";
      item.setAttribute("role", "presentation");
      item.textContent = text;
      return item;
    }

    note(text) {
      const item = document.createElement("li");
      item.className = "combobox-empty";
      item.setAttribute("role", "option");
      item.setAttribute("aria-disabled", "true");
      item.setAttribute("aria-selected", "false");
      item.textContent = text;
      return item;
    }

    item(option) {
      const item = document.createElement("li");
      item.className = "combobox-option";
      item.id = `${this.list.id}_${option.index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.dataset.value = option.value;
      item.textContent = option.textContent.trim();
      return item;
    }

    mark(item) {
      this.active?.setAttribute("aria-selected", "false");
      this.input.removeAttribute("aria-activedescendant");
      if (!item) return;
      item.setAttribute("aria-selected", "true");
      item.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", item.id);
    }

    close(focused) {
      if (!this.box.isConnected) return;
      this.select.hidden = false;
      this.button.hidden = false;
      focused?.focus(); // before the search goes, so that its blur finds it gone
      this.box.remove();
    }

    choose(item) {
      const { value } = item.dataset;
      const isNew = value !== this.select.value;
      this.select.value = value;
      this.close(this.select);
      if (isNew) this.select.dispatchEvent(new Event("change", { bubbles: true }));
    }

    key(event) {
      const { options } = this;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const at = options.indexOf(this.active);
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.mark(options[at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length]);
      } else if (event.key === "Enter") {
        event.preventDefault(); // a field that is looked for sends no form
        if (this.active) this.choose(this.active);
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.close(this.button);
      }
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-search-fields]");
    if (button) new FieldSearch(button);
  });

  // --- rows that are drawn anew keep the focus: on the same control or, where it is gone, in its row -----------

  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "filter-rows") focused = document.activeElement?.id ?? "";
  });
  document.addEventListener("htmx:load", (event) => {
    if (event.target.id !== "filter-rows" || document.activeElement !== document.body || !focused) return;
    const chip = /^id_(filters-\d+)-values_(\d+)$/.exec(focused);
    const last = chip && [...document.querySelectorAll(`[id^="id_${chip[1]}-values_"]`)].at(-1);
    const place = document.getElementById(focused) ?? last ?? (chip && document.getElementById(`id_${chip[1]}-value`));
    place?.focus();
  });

  // --- Enter in a field of several values makes chips of what was typed ---------------------------------------

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.("input[data-chips]") || !event.target.value.trim()) return;
    event.preventDefault();
    htmx.trigger(event.target, "chips");
  });
})();
