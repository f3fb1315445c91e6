// Signs a statement in the browser (Ed25519, DSSE 1.0). The private key stays in this page.

const form = document.getElementById("sign");
const problem = form?.querySelector("[data-problem]");

const bytes = (text) => new TextEncoder().encode(text);
const base64 = (data) => btoa(String.fromCharCode(...data));

/** `PRIVATE+KEY+name+id+base64(type, seed)` as in C2SP signed-note. */
async function readKey(file) {
  const match = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\s*$/.exec(await file.text());
  const raw = match && Uint8Array.from(atob(match[3]), (char) => char.charCodeAt(0));
  if (!raw || raw.length !== 33 || raw[0] !== 1) throw new Error("this file is no private key for signing");
  // PKCS #8 of an Ed25519 key is its seed behind a fixed beginning (RFC 8410).
  const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
  const pkcs8 = new Uint8Array([...head, ...raw.slice(1)]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
  return { key, id: `${match[1]}+${match[2]}` };
}

async function make() {
  const file = form.querySelector("[data-private]").files[0];
  if (!file) throw new Error("choose the file with your private key");
  const { key, id } = await readKey(file);
  const fields = new URLSearchParams();
  for (const name of ["csrf", "assurance", "conditions", "classes", "expires"]) fields.set(name, form.elements[name].value);
  const answer = await fetch(form.dataset.statement, { method: "POST", body: fields });
  if (!answer.ok) throw new Error(`the server gave no statement (${answer.status})`);
  const { payload, payloadType } = await answer.json();
  const body = bytes(payload);
  const head = bytes(`DSSEv1 ${bytes(payloadType).length} ${payloadType} ${body.length} `);
  const signature = await crypto.subtle.sign("Ed25519", key, new Uint8Array([...head, ...body]));
  const signatures = [{ keyid: id, sig: base64(new Uint8Array(signature)) }];
  form.elements.envelope.value = JSON.stringify({ payloadType, payload: base64(body), signatures });
}

form?.querySelector("[data-make]").addEventListener("click", () => {
  problem.hidden = true;
  make().catch((error) => {
    problem.textContent = error.message;
    problem.hidden = false;
  });
});
