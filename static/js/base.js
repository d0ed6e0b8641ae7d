/* What every page shares. Loaded in the head without `defer`, so that the theme stands before the first
   paint; everything else is delegated to the document and needs no element to exist yet. Pages work
   without this file: what needs it is marked `.js-only` and stays hidden until it runs. */
(() => {
  "use strict";

  const root = document.documentElement;
  const THEME = "portal-theme";
  const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

  root.classList.add("js");

  // --- time zone: told once, so that the next page shows times as the clock on the wall (portal/time_zone.py) ---

  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone) return;
    const [mark, secure] = window.location.protocol === "https:" ? ["__Host-", "; secure"] : ["", ""];
    const told = `${mark}timezone=${encodeURIComponent(zone)}`;
    if (document.cookie.split("; ").includes(told)) return;
    document.cookie = `${told}; path=/; max-age=31536000; samesite=lax${secure}`;
  }

  tellZone();

  // --- a page that answers a form stands in the history as the page of the form: Back and reload send nothing again ---

  document.addEventListener("DOMContentLoaded", () => {
    const isOurs = document.referrer.startsWith(`${window.location.origin}/`);
    if ("answer" in document.body.dataset && isOurs) window.history.replaceState(window.history.state, "", document.referrer);
  });

  // --- theme: light, dark or the system's own; kept per browser ---

  function chosenTheme() {
    try {
      const theme = window.localStorage.getItem(THEME);
      return theme === "light" || theme === "dark" ? theme : "auto";
    } catch {
      return "auto"; // storage is switched off: follow the system
    }
  }

  function showTheme() {
    const theme = chosenTheme();
    const dark = theme === "dark" || (theme === "auto" && systemIsDark.matches);
    root.dataset.bsTheme = dark ? "dark" : "light";
    for (const choice of document.querySelectorAll("input[name='portal-theme']")) {
      choice.checked = choice.value === theme;
    }
  }

  function chooseTheme(theme) {
    try {
      if (theme === "auto") window.localStorage.removeItem(THEME);
      else window.localStorage.setItem(THEME, theme);
    } catch {
      root.dataset.bsTheme = theme; // holds for this page at least
      return;
    }
    showTheme();
  }

  showTheme();
  document.addEventListener("DOMContentLoaded", showTheme);
  systemIsDark.addEventListener("change", showTheme);
  window.addEventListener("storage", (event) => {
    if (event.key === THEME || event.key === null) showTheme();
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === THEME) chooseTheme(event.target.value);
  });

  // --- speaking to screen readers: portal.announce("3 rows selected") ---

  function announce(text) {
    const place = document.getElementById("announcer");
    if (!place) return;
    place.textContent = "";
    window.setTimeout(() => { place.textContent = text; }, 50); // a repeated text is read again
  }

  // --- what changes on the page while a button is pressed takes the click away: it waits for portal.released() ---

  let isPressed = false;
  document.addEventListener("pointerdown", () => { isPressed = true; }, true);
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => window.setTimeout(() => { isPressed = false; }), true);
  }

  function released() {
    return new Promise((resolve) => {
      const look = () => (isPressed ? window.setTimeout(look, 20) : resolve());
      look();
    });
  }

  // What asks again by itself asks again later, too.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isPressed && event.detail.elt.matches("[hx-trigger^='every']")) event.detail.shouldSwap = false;
  });

  // --- messages that no answer brought: portal.tell("error", "No connection."); kinds as in includes/message.html ---

  const SIGNS = { error: "x-circle", warning: "alert", success: "check-circle", info: "info" };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${root.dataset.icons}#${name}`);
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
  }

  function tell(kind, text) {
    const isUrgent = kind === "error" || kind === "warning";
    const message = document.createElement("div");
    message.className = `alert alert-${kind === "error" ? "danger" : kind}`;
    const said = document.createElement("div");
    said.className = "alert-text";
    said.textContent = text;
    const toolbar = document.createElement("div");
    toolbar.className = "toolbar";
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-sm btn-icon";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", "Close this message");
    close.append(icon("x"));
    toolbar.append(close);
    message.append(icon(SIGNS[kind]), said, toolbar);
    document.getElementById(isUrgent ? "messages-alert" : "messages-status")?.append(message);
    return message;
  }

  // What could not be done is said where the person is: htmx alone would leave the page as it was. What asks by itself
  // every second says once that it hears nothing, however long that lasts and whoever closes it, and takes it back.
  const asksByItself = (event) => event.detail.elt.matches("[hx-trigger^='every']");
  let unheard = null;

  function untold(event) {
    const isCut = event.type === "htmx:sendError", { elt, requestConfig } = event.detail;
    if (elt.type === "checkbox") elt.checked = !requestConfig.formData.has(elt.name); // as it still is at the server
    if (asksByItself(event)) {
      unheard ??= tell("warning", `${isCut ? "There is no connection to the portal." : `The portal does not answer (error ${event.detail.xhr.status}).`} What you see here may be old; this page goes on asking by itself.`);
    } else tell("error", isCut
      ? "There is no connection to the portal. Nothing was changed; try again."
      : `The portal could not do that (error ${event.detail.xhr.status}). Reload the page and try again.`);
  }
  document.addEventListener("htmx:sendError", untold);
  document.addEventListener("htmx:responseError", untold);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status >= 400) return;
    unheard?.remove();
    unheard = null;
  });

  // A message that asks for nothing goes by itself, unless somebody is at it; Undo, warnings and errors stay.
  const SEEN_FOR = 12_000; // ms

  function leave(message) {
    window.setTimeout(() => {
      if (!message.isConnected) return;
      if (message.matches(":hover, :focus-within") || document.hidden) leave(message);
      else message.remove();
    }, SEEN_FOR);
  }

  function watchMessages() {
    const place = document.querySelector(".toasts #messages-status");
    if (!place) return;
    const fresh = (nodes) => {
      for (const node of nodes) if (node instanceof Element && node.matches(".alert:not(:has(form))")) leave(node);
    };
    fresh(place.children);
    new MutationObserver((changes) => { for (const { addedNodes } of changes) fresh(addedNodes); }).observe(place, { childList: true });
  }
  document.addEventListener("DOMContentLoaded", watchMessages);

  window.portal = { announce, released, tell };

  // --- a key that goes into an input method (Japanese, Chinese, accents) chooses there and means nothing here. 229 is
  // --- what Safari sends of the Enter that ends it, when it is no longer said to be composing ---

  window.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) event.stopImmediatePropagation();
  }, true);

  // --- one press is one: a key that is held down presses nothing again, a form that is under way is not sent twice ---

  document.addEventListener("keydown", (event) => {
    const isText = event.target instanceof Element && event.target.matches("textarea");
    if (!event.repeat || event.key !== "Enter" || isText) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  const underWay = new Set();
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (underWay.has(event.target)) event.preventDefault();
    else underWay.add(event.target);
    // A file that comes as an answer leaves the page as it is.
    window.setTimeout(() => underWay.delete(event.target), 10_000);
  });
  window.addEventListener("pageshow", () => underWay.clear());

  // --- a group of controls is one stop for Tab; the arrow keys, Home and End go through it (ARIA: toolbar) ---

  const itemsOf = (group) => [...group.querySelectorAll("a[href], button, summary")]
    .filter((item) => item.checkVisibility() && !item.disabled && item.closest("[data-roving]") === group
      && !item.closest(".menu-panel, .card-body:not([data-roving], #job), fieldset"));

  function rove(root) {
    for (const group of root.querySelectorAll("[data-roving]")) {
      const items = itemsOf(group);
      const stop = items.find((item) => item === document.activeElement) ?? items.find((item) => item.ariaCurrent && item.ariaCurrent !== "false") ?? items[0];
      for (const item of items) item.tabIndex = item === stop ? 0 : -1;
    }
  }

  document.addEventListener("DOMContentLoaded", () => rove(document));
  document.addEventListener("htmx:load", () => rove(document));
  document.addEventListener("toggle", () => rove(document), true);
  document.addEventListener("keydown", (event) => {
    const group = event.target instanceof Element && event.target.closest("[data-roving]");
    if (!group || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const items = itemsOf(group), at = items.indexOf(event.target);
    if (at < 0) return;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const item = items[(to + items.length) % items.length];
    for (const each of items) each.tabIndex = each === item ? 0 : -1;
    item.focus();
  });

  // --- menus (<details class="menu">) close on Escape, on a click elsewhere and when focus leaves ---

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!except || !menu.contains(except)) menu.open = false;
    }
  }

  document.addEventListener("focusin", (event) => closeMenus(event.target));
  // A menu that was opened at the foot of the window comes into it.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.menu[open]")) event.target.querySelector(".menu-panel").scrollIntoView({ block: "nearest" });
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target instanceof Element && event.target.closest("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });

  // --- buttons ---

  function dismiss(button) {
    const message = button.closest(".alert");
    if (!message) return;
    const next = message.nextElementSibling || message.previousElementSibling;
    message.remove();
    // Keyboard users go on from where they were, not from the top of the page.
    const target = (next && next.querySelector("[data-dismiss]")) || document.getElementById("main");
    if (target) target.focus({ preventScroll: true });
  }

  function showSecret(button, visible) {
    const field = document.getElementById(button.getAttribute("aria-controls"));
    if (!field) return;
    field.type = visible ? "text" : "password";
    const what = button.dataset.what || "password";
    button.querySelector("[data-text]").textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-label", `${visible ? "Hide" : "Show"} ${what}`);
    announce(visible ? `Your ${what} is visible` : `Your ${what} is hidden`);
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const label = button.querySelector("[data-text]") || button;
    const before = button.dataset.label || label.textContent;
    button.dataset.label = before;
    try {
      await navigator.clipboard.writeText("value" in source ? source.value : source.innerText.trim());
      label.textContent = "Copied";
      announce("Copied");
    } catch {
      label.textContent = "Press Ctrl+C";
      window.getSelection().selectAllChildren(source);
      if (typeof source.select === "function") source.select();
      announce("Copying was refused. The text is selected: press Control C.");
    }
    window.setTimeout(() => { label.textContent = before; }, 4000);
  }

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    closeMenus(event.target);
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-dismiss]")) dismiss(button);
    else if (button.matches("[data-secret-toggle]")) {
      const field = document.getElementById(button.getAttribute("aria-controls"));
      showSecret(button, Boolean(field) && field.type === "password");
    } else if (button.matches("[data-copy]")) copy(button);
  });

  // --- <input data-tick-all="name"> ticks every such box of its form, and tells whether all or some are ---
  // --- but none with data-by-hand: those a person ticks one by one ---

  function boxesOf(all, which = ":not([data-by-hand])") {
    return [...all.form.querySelectorAll(`input[type='checkbox'][name='${all.dataset.tickAll}']${which}`)];
  }

  function showTicks(form) {
    for (const all of form.querySelectorAll("[data-tick-all]")) {
      const boxes = boxesOf(all);
      const ticked = boxes.filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
  }

  document.addEventListener("change", (event) => {
    const { form } = event.target;
    if (!form) return;
    if (event.target.matches("[data-tick-all]")) {
      const boxes = boxesOf(event.target, event.target.checked ? undefined : "");
      for (const box of boxes) box.checked = event.target.checked;
      announce(event.target.checked ? `${boxes.length} rows ticked` : "No row ticked");
    }
    showTicks(form);
  });
  // Going back to the page, the browser puts the ticks back but not what follows from them.
  window.addEventListener("pageshow", () => [...document.forms].forEach(showTicks));

  // A secret that was shown is hidden again before it is sent, so that no browser offers it as a text later.
  document.addEventListener("submit", (event) => {
    for (const button of event.target.querySelectorAll("[data-secret-toggle]")) {
      const field = document.getElementById(button.getAttribute("aria-controls"));
      if (field && field.type === "text") showSecret(button, false);
    }
  });
})();
