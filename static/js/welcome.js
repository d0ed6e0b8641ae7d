/* A one-time link carries its code behind the #, which no server is sent: it is put into the form, and taken out of the
   address and the history of the browser. Without this file it is copied by hand. */
(() => {
  "use strict";

  const form = document.querySelector("[data-code-from-address]");
  const code = window.location.hash.slice(1);
  if (!form || !code) return;
  form.elements.code.value = decodeURIComponent(code);
  window.history.replaceState(null, "", window.location.pathname);
  form.elements.password1.focus();
})();
