/* Passkeys: a button that asks the browser to make or to use one, and sends what it answers with the form beside
   it. The options lie in the page as JSON (#js_data); webauthn-json.js of the sign-in library translates them. */
(() => {
  "use strict";

  const TOLD = {
    NotAllowedError: "The browser made no passkey, or it was cancelled. Try again.",
    InvalidStateError: "This device holds a passkey for you already.",
    SecurityError: "Passkeys work over https under the portal’s own name only.",
  };

  async function answer(button) {
    const data = JSON.parse(document.getElementById("js_data").textContent);
    return button.dataset.passkey === "create"
      ? window.webauthnJSON.create(data.creation_options)
      : window.webauthnJSON.get(data.request_options);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-passkey]");
    if (!button) return;
    const form = button.form;
    const place = form.querySelector("[data-passkey-error]");
    place.hidden = true;
    button.disabled = true;
    try {
      form.elements.credential.value = JSON.stringify(await answer(button));
      form.submit();
    } catch (error) {
      place.textContent = TOLD[error.name] || "The browser could not use a passkey here.";
      place.hidden = false;
      button.disabled = false;
    }
  });
})();
