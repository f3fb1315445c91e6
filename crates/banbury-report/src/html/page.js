"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const PAGE = 300;
  let shown = [], limit = PAGE, current = -1, step = 0;

  function el(name, cls, text, ...children) {
    const e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined && text !== null) e.textContent = text;
    e.append(...children);
    return e;
  }
  const number = (n) => n.toLocaleString("en");
  const decibans = (w) => (w >= 0 ? "+" : "") + w.toFixed(1) + " dB";
  const strength = (w) => "weight " + (w >= 10 ? "strong" : w >= 0 ? "medium" : "");
  const path = (file) => (data.files[file] || { path: "" }).path;
  const folder = (file) => path(file).split("/").slice(0, -1).slice(0, 2).join("/");

  function option(value, text) {
    const o = el("option", "", text);
    o.value = value;
    return o;
  }

  function counts(key) {
    const map = new Map();
    for (const f of data.findings) map.set(key(f), (map.get(key(f)) || 0) + 1);
    return [...map].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  function matches(f) {
    const words = $("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = parseFloat($("weight").value);
    if (!$("old").checked && (f.unchanged || f.suppressed !== null)) return false;
    if ($("rule").value && f.rule !== $("rule").value) return false;
    if ($("folder").value && folder(f.file) !== $("folder").value.slice(1)) return false;
    if (!Number.isNaN(least) && f.weight < least) return false;
    const all = (f.message + " " + f.function + " " + path(f.file) + " " + f.rule + " cwe-" + f.cwe).toLowerCase();
    return words.every((w) => all.includes(w));
  }

  function filter() {
    const before = shown[current];
    shown = data.findings.filter(matches);
    limit = PAGE;
    $("count").textContent = number(shown.length) + " of " + number(data.findings.length) + " findings";
    const at = shown.indexOf(before);
    list();
    select(at >= 0 ? at : shown.length ? 0 : -1, false);
  }

  function list() {
    const rows = shown.slice(0, limit).map((f, index) => {
      const li = el("li", f.unchanged || f.suppressed !== null ? "old" : "");
      li.id = "row" + index;
      li.setAttribute("role", "option");
      li.append(
        el("div", "top", null, el("span", strength(f.weight), decibans(f.weight)), el("span", "", f.rule),
          el("span", "place", path(f.file) + ":" + f.line)),
        el("div", "", f.message));
      li.addEventListener("click", () => select(index, true));
      return li;
    });
    if (shown.length > limit) {
      const more = el("li", "", number(shown.length - limit) + " more");
      more.addEventListener("click", () => { limit += PAGE; list(); mark(); });
      rows.push(more);
    }
    $("list").replaceChildren(...rows);
  }

  function mark() {
    for (const li of $("list").querySelectorAll("[aria-selected]")) li.removeAttribute("aria-selected");
    const li = $("row" + current);
    if (!li) return;
    li.setAttribute("aria-selected", "true");
    $("list").setAttribute("aria-activedescendant", li.id);
    li.scrollIntoView({ block: "nearest" });
  }

  function select(index, remember) {
    current = index;
    while (index >= limit) { limit += PAGE; list(); }
    mark();
    const f = shown[index];
    step = f ? f.steps.length - 1 : 0;
    detail(f);
    if (f && remember) history.replaceState(null, "", "#" + f.fingerprint);
  }

  function detail(f) {
    const out = $("detail");
    if (!f) {
      out.replaceChildren(el("p", "meta", data.findings.length ? "No finding matches." : "No findings."));
      return;
    }
    const classes = (data.files[f.file] || { classes: [] }).classes;
    const facts = [f.rule, "CWE-" + f.cwe, decibans(f.weight), "in " + f.function, ...classes];
    if (f.unchanged) facts.push("in the baseline");
    out.replaceChildren(el("h2", "", f.message), el("p", "meta", facts.join(" · ")));
    if (f.suppressed !== null) out.append(el("p", "meta", "Suppressed in the source: " + f.suppressed));
    if (f.steps.length > 1) {
      const steps = f.steps.map((s, i) => {
        const li = el("li", "", null, el("span", "kind", (i + 1) + " " + s[0]), el("span", "", s[6]),
          el("span", "where", s[2] ? path(s[1]).split("/").pop() + ":" + s[2] : ""));
        li.addEventListener("click", () => go(i));
        return li;
      });
      out.append(el("ol", "steps", null, ...steps));
    }
    for (const group of groups(f.steps)) out.append(code(group, f.steps.length));
    if (f.features.length) {
      const rows = f.features.map(([name, value]) => el("tr", "", null, el("td", "", name), el("td", "n", value)));
      out.append(el("details", "", null, el("summary", "", "Why this weight"), el("table", "", null, ...rows)));
    }
    const rule = data.rules[f.rule];
    if (rule) out.append(el("details", "", null, el("summary", "", "About this rule: " + rule.title), el("pre", "", rule.readme)));
    out.append(el("p", "meta", "Fingerprint " + f.fingerprint));
    out.scrollTop = 0;
    current_step(false);
  }

  // Consecutive steps in one file whose excerpts touch.
  function groups(steps) {
    const all = [];
    steps.forEach((s, i) => {
      if (!s[2]) return;
      const last = all[all.length - 1];
      const near = last && last.file === s[1] && last.steps.some(([, t]) => Math.abs(t[2] - s[2]) <= 12);
      if (near) last.steps.push([i, s]); else all.push({ file: s[1], steps: [[i, s]] });
    });
    return all;
  }

  function code(group, total) {
    const file = data.files[group.file] || { path: "", lines: {} };
    const wanted = new Set();
    for (const [, s] of group.steps) for (let n = s[2] - 5; n <= s[2] + 5; n++) if (file.lines[n] !== undefined) wanted.add(n);
    const pre = el("pre");
    let before = 0;
    for (const n of [...wanted].sort((a, b) => a - b)) {
      if (before && n > before + 1) pre.append(el("div", "gap", "…"));
      before = n;
      pre.append(row(file.lines[n], n, group.steps.filter(([, s]) => s[2] === n), total));
    }
    return el("div", "code", null, el("div", "name", file.path), pre);
  }

  function row(text, n, steps, total) {
    const line = el("span", "text");
    let at = 0;
    for (const [, s] of steps.slice().sort((a, b) => a[1][3] - b[1][3])) {
      const start = Math.max(at, s[3] - 1), end = Math.min(text.length, s[4] - 1);
      if (end <= start) continue;
      line.append(text.slice(at, start), el("mark", "", text.slice(start, end)));
      at = end;
    }
    line.append(text.slice(at));
    const last = steps.some(([i]) => i === total - 1);
    const e = el("div", "row" + (steps.length ? " step" : "") + (last ? " last" : ""), null, el("span", "number", n), line);
    if (steps.length) {
      e.dataset.steps = steps.map(([i]) => i).join(" ");
      if (total > 1) e.append(el("span", "note", steps.map(([i, s]) => (i + 1) + "." + (i === total - 1 ? "" : " " + s[6])).join("; ")));
    }
    return e;
  }

  function current_step(scroll) {
    document.querySelectorAll(".steps li").forEach((li, i) => li.classList.toggle("current", i === step));
    for (const r of document.querySelectorAll(".row.step")) {
      const is = r.dataset.steps.split(" ").includes(String(step));
      r.classList.toggle("current", is);
      if (is && scroll) r.scrollIntoView({ block: "center" });
    }
  }

  function go(to) {
    const f = shown[current];
    if (!f) return;
    step = Math.max(0, Math.min(f.steps.length - 1, to));
    current_step(true);
  }

  function table(head, rows) {
    const t = el("table", "", null, el("tr", "", null, ...head.map((h) => el("th", "", h))));
    for (const r of rows) t.append(el("tr", "", null, ...r.map((c) => el("td", typeof c === "number" ? "n" : "", typeof c === "number" ? number(c) : c))));
    return t;
  }

  function coverage() {
    const out = $("coverage"), t = data.totals;
    out.append(el("h2", "", "What was analysed"));
    out.append(table(["", ""], Object.entries(t).map(([k, v]) => [k.replaceAll("_", " "), v])));
    if (data.faults.length) out.append(el("h3", "", "Stages that broke off"), table(["Stage", "Message"], data.faults.map((f) => [f.stage, f.message])));
    if (data.notes.length) out.append(el("h3", "", "Notes"), el("ul", "", null, ...data.notes.map((n) => el("li", "", n))));
    if (data.skipped.length) out.append(el("h3", "", "Skipped"), table(["Files", "Why", "For example"], data.skipped.map((s) => [s.count, s.reason, s.examples.join(", ")])));
    if (data.hidden.length) out.append(el("h3", "", "Findings not in this page"), table(["Findings", "Why"], data.hidden.map(([why, n]) => [n, why])));
    if (data.partial.length) {
      out.append(el("h3", "", "Functions that are not fully analysed"));
      out.append(table(["Function", "Place", "Why"], data.partial.slice(0, 2000).map(([file, line, name, why]) => [name, file + ":" + line, why])));
      if (data.partial.length > 2000) out.append(el("p", "meta", number(data.partial.length - 2000) + " more: the JSON report lists them all."));
    }
  }

  function tab(name) {
    for (const n of ["findings", "coverage"]) {
      $(n).hidden = n !== name;
      $("tab-" + n).setAttribute("aria-pressed", n === name);
    }
  }
  function theme() {
    const root = document.documentElement.style;
    const dark = root.colorScheme ? root.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.colorScheme = dark ? "light" : "dark";
  }

  const t = data.totals;
  const share = t.functions ? (Math.floor(t.functions_fully_analysed / t.functions * 1000) / 10).toFixed(1) + " % of " + number(t.functions) + " functions fully analysed" : "no functions";
  $("target").textContent = data.target;
  $("facts").textContent = [data.commit ? data.commit.slice(0, 12) : "release " + data.release.slice(0, 12), number(t.files) + (t.files === 1 ? " file" : " files"), number(t.lines) + " lines", share, "banbury " + data.version].join(" · ");
  $("rule").append(option("", "all rules"), ...counts((f) => f.rule).map(([r, n]) => option(r, r + " (" + number(n) + ")")));
  $("folder").append(option("", "all folders"), ...counts((f) => folder(f.file)).map(([d, n]) => option("/" + d, (d || ".") + " (" + number(n) + ")")));
  for (const id of ["text", "rule", "folder", "weight", "old"]) $(id).addEventListener("input", filter);
  $("filters").addEventListener("submit", (e) => e.preventDefault());
  $("tab-findings").addEventListener("click", () => tab("findings"));
  $("tab-coverage").addEventListener("click", () => tab("coverage"));
  $("theme").addEventListener("click", theme);
  $("help-button").addEventListener("click", () => $("help").showModal());

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("help").open) return;
    const typing = e.target.matches("input, select");
    if (e.key === "Escape") { $("list").focus(); return; }
    if (typing) return;
    const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[e.key];
    if (move && shown.length && !$("findings").hidden) select(Math.max(0, Math.min(shown.length - 1, current + move)), true);
    else if (e.key === "n") go(step + 1);
    else if (e.key === "p") go(step - 1);
    else if (e.key === "/") $("text").focus();
    else if (e.key === "c") tab($("coverage").hidden ? "coverage" : "findings");
    else if (e.key === "t") theme();
    else if (e.key === "?") $("help").showModal();
    else return;
    e.preventDefault();
  });

  coverage();
  filter();
  const linked = shown.findIndex((f) => "#" + f.fingerprint === location.hash);
  if (linked >= 0) select(linked, false);
})();
