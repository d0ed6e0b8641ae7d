// Import from the PSA: the button says how many companies become organizations and how many are mapped.
(() => {
  "use strict";

  const form = document.getElementById("companies-form");
  if (!form) return;

  function answerOf(box) {
    const select = form.elements[`as-${box.value}`];
    return select ? select.value : "create";
  }

  function count() {
    const ticked = [...form.querySelectorAll("input[name='company']:checked")].map(answerOf);
    const created = ticked.filter((answer) => answer === "create").length;
    const open = ticked.filter((answer) => answer === "").length;
    form.querySelector("[data-count='create']").textContent = created.toLocaleString("en");
    form.querySelector("[data-count='map']").textContent = (ticked.length - created - open).toLocaleString("en");
    const left = form.querySelector("[data-count='open']");
    left.textContent = open ? `${open} ticked: say which organization, or Create new` : "";
  }

  form.addEventListener("change", (event) => {
    // Who says what becomes of a company wants it done.
    if (event.target.matches("select[name^='as-']")) {
      const box = form.querySelector(`input[name='company'][value='${event.target.name.slice(3)}']`);
      if (event.target.value) box.checked = true;
    }
    window.setTimeout(count); // after base.js has ticked what "all" stands for
  });
  window.addEventListener("pageshow", count);
})();
