// Keyboard shortcuts. Everything they do can be done with the forms of the page as well.

const rows = () => [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] [data-row]")];
let current = -1;

function select(index) {
  const all = rows();
  if (all.length === 0) return;
  all[current]?.classList.remove("current");
  current = Math.max(0, Math.min(all.length - 1, index));
  const row = all[current];
  row.classList.add("current");
  row.scrollIntoView({ block: "nearest" });
  const focus = row.querySelector("a, input");
  (focus ?? row).focus({ preventScroll: true });
}

const box = (row) => row?.querySelector('input[type="checkbox"]');

/** Fills in a verdict for the chosen rows, or for the current one, and asks for the reason. */
function verdict(value) {
  const field = document.querySelector("[data-verdict]");
  if (!field || ![...field.options].some((option) => option.value === value)) return false;
  const boxes = rows().map(box).filter(Boolean);
  if (boxes.length > 0 && !boxes.some((one) => one.checked)) {
    const here = box(rows()[current]);
    if (!here) return false;
    here.checked = true;
  }
  field.value = value;
  document.querySelector("[data-reason]")?.focus();
  return true;
}

let step = 0;

function walk(by) {
  const steps = [...document.querySelectorAll("[data-step]")];
  if (steps.length === 0) return;
  step = Math.max(0, Math.min(steps.length - 1, step + by));
  steps.forEach((one, index) => one.classList.toggle("current", index === step));
  const line = document.getElementById(steps[step].hash.slice(1));
  document.querySelectorAll(".source tr.current").forEach((one) => one.classList.remove("current"));
  line?.classList.add("current");
  line?.scrollIntoView({ block: "center" });
}

function follow(key) {
  const link = document.querySelector(`a[data-key="${key}"]`);
  if (link) location.href = link.href;
  return Boolean(link);
}

const keys = {
  j: () => select(current + 1),
  k: () => select(current - 1),
  x: () => {
    const here = box(rows()[current]);
    if (here) here.checked = !here.checked;
  },
  c: () => verdict("confirmed"),
  f: () => verdict("false-positive"),
  a: () => verdict("accepted-risk"),
  d: () => verdict("duplicate"),
  u: () => verdict("open"),
  r: () => verdict("fine"),
  q: () => verdict("question"),
  w: () => verdict("defect"),
  m: () => document.querySelector('textarea[data-key="m"]')?.focus(),
  n: () => follow("n") || follow("next"),
  p: () => follow("p"),
  "]": () => walk(1),
  "[": () => walk(-1),
  "?": () => document.getElementById("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || document.querySelector("dialog[open]")) return;
  const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
  if (!act) return;
  event.preventDefault();
  act();
});

document.querySelector("[data-all]")?.addEventListener("change", (event) => {
  rows().map(box).filter(Boolean).forEach((one) => (one.checked = event.target.checked));
});

const open = rows().findIndex((row) => row.matches(":focus-within"));
if (open >= 0) current = open;
