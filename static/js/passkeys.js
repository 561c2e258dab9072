// A form with data-passkey ("create" or "get"): our server says what to sign, the device signs, the form goes.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const kind = form.dataset.passkey;
  if (!kind || form.elements.credential.value) return;
  event.preventDefault();
  const said = form.querySelector("[data-failed]");
  said.hidden = true;
  try {
    const answer = await fetch(form.dataset.options, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error(answer.status);
    const read = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    const publicKey = PublicKeyCredential[read](await answer.json());
    const made = await navigator.credentials[kind]({ publicKey });
    form.elements.credential.value = JSON.stringify(made.toJSON());
    form.submit();
  } catch {
    said.hidden = false;
    said.textContent = said.dataset.failed;
    said.focus();
  }
});
