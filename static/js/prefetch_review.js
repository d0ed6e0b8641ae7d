// The next row of the review is asked for while the person looks at this one, so that Next shows it at once.
// The link says with data-prefetch where that is worth it: after a decision that led on by itself, seldom. Without
// this file Next asks when it is pressed.
"use strict";

(() => {
  const DRAWN = 50; // ms until the row stands there; asking sooner would hold that up
  const FRESH = 20_000; // ms; a row that was read longer ago is asked for anew
  let prefetched = null;
  let timer = 0;

  function forget() {
    clearTimeout(timer);
    prefetched?.request.abort();
    prefetched = null;
  }

  async function ask() {
    const address = document.querySelector("#review [data-prefetch]")?.getAttribute("hx-get");
    if (!address) return;
    const mine = { address, request: new AbortController(), began: performance.now(), text: null };
    prefetched = mine;
    try {
      const headers = { "HX-Request": "true", "X-Prefetch": "true" };
      const answer = await fetch(address, { headers, redirect: "error", signal: mine.request.signal });
      if (answer.status === 200 && !answer.headers.has("HX-Redirect")) mine.text = await answer.text();
    } catch { /* Next asks itself then, and tells what is wrong */ }
  }

  function show(link) {
    const { address, text } = prefetched;
    prefetched = null;
    // As htmx does it, which reloads the page when somebody goes back to it.
    history.replaceState({ htmx: true }, "");
    history.pushState({ htmx: true }, "", address);
    document.activeElement?.blur();
    htmx.swap("#review", text, { swapStyle: "outerHTML", settleDelay: 0 }, { contextElement: link });
  }

  document.addEventListener("htmx:confirm", (event) => {
    const { elt, path, target } = event.detail;
    if (target?.id !== "review") return;
    const isHere = prefetched?.address === path && prefetched.text !== null && performance.now() - prefetched.began < FRESH;
    if (isHere && elt.matches("[data-prefetch]")) {
      event.preventDefault();
      show(elt);
    } else forget();
  });
  function askSoon() {
    forget();
    timer = setTimeout(ask, DRAWN);
  }

  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "review") askSoon(); });
  askSoon();
})();
