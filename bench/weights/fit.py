#!/usr/bin/env python3
"""Fits the coefficients of weights.toml to labelled findings, and draws the calibration curve.

    bench/weights/fit.py --banbury target/release/banbury --bench BENCH --juliet FOLDER --checkouts FOLDER
        [--work FOLDER] [--real 0.15] [--write] [--out bench/weights/README.md]

BENCH holds the folders `juliet` and `cve-pairs` with their scorers. `--juliet` is a sample that
`juliet_score.py sample --copy` wrote; `--checkouts` the folder of checkouts that `score_pairs.py` left
(CACHE/co/SCOPE). Every folder is reviewed once with `--all`; results are kept in `--work`.

Labels. Juliet: a finding of a compatible CWE is right in a function of the bad kind and wrong in one of the
good kind. Pairs: a finding of a compatible CWE within three lines of a label is right at the vulnerable
revision and wrong at the fixed one. Every other finding on real code is right with the probability `--real`,
the share that was right when findings were read by hand, and counts for little.

Method. Logistic regression of `right` on the features, in decibans (10 log10 of the odds), with the present
table as the prior mean (ridge). Where a feature never occurs its coefficient stays. One more coefficient
takes up that half of Juliet's findings are right, which is so nowhere else; it is left out of the table.
The curve is of predictions for folds that the fit did not see (by test case's functional variant, by
repository). Nothing is drawn at random: the same input gives the same numbers.

Standard library only.
"""
import argparse
import hashlib
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from collections import defaultdict

DECIBAN = math.log(10) / 10
NEAR = 3


def load(path, name):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def review(args, folder):
    """SARIF results of a folder, from the work folder if they are there."""
    stamp = f"{os.path.abspath(folder)}\n{os.path.getmtime(args.banbury)}"
    path = os.path.join(args.work, hashlib.sha256(stamp.encode()).hexdigest()[:20] + ".sarif")
    if not os.path.exists(path):
        command = [args.banbury, "review", folder, "--all", "--quiet", "--sarif", path]
        code = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
        if code not in (0, 1):
            print(f"{folder}: exit code {code}, left out", file=sys.stderr)
            return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)["runs"][0]["results"]


def example(result, right, count, fold, suite):
    properties = result["properties"]
    return {
        "rule": result["ruleId"],
        "features": properties.get("features", {}),
        "right": right,
        "count": count,
        "fold": int(hashlib.sha256(fold.encode()).hexdigest(), 16) % 5,
        "suite": suite,
        "weight": properties["weight"],
    }


def place(result):
    location = result["locations"][0]
    physical = location["physicalLocation"]
    logical = (location.get("logicalLocations") or [{}])[0]
    function = logical.get("fullyQualifiedName") or logical.get("name", "")
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"], function


def cwes(result):
    return [int(text.split("-")[1]) for text in result["properties"].get("cwe", [])]


def juliet(args):
    scorer = load(os.path.join(args.bench, "juliet", "juliet_score.py"), "juliet_score")
    out = []
    for result in review(args, args.juliet):
        file, _, function = place(result)
        case = re.search(r"(CWE(\d+)_[A-Za-z0-9_]+?)_\d+[a-z]?(_bad|_good\w*)?\.c", file)
        if not case:
            continue
        # `bad` in what the name adds to the test case's, for every name holds that of its case.
        kind = function.rsplit("::", 1)[-1].replace(case.group(1), "")
        embedded = [int(number) for number in re.findall(r"__CWE(\d+)_", file)]
        if not any(scorer.matches(cwe, int(case.group(2)), embedded, "standard") for cwe in cwes(result)):
            continue
        if ("bad" in kind) != ("good" in kind):
            out.append(example(result, float("bad" in kind), 1.0, case.group(1), 1.0))
    return out


def pairs(args):
    scorer = load(os.path.join(args.bench, "cve-pairs", "score_pairs.py"), "score_pairs")
    split = json.load(open(os.path.join(args.bench, "cve-pairs", "split.json"), encoding="utf-8"))
    with open(os.path.join(args.bench, "cve-pairs", "pairs.jsonl"), encoding="utf-8") as file:
        known = [json.loads(line) for line in file]
    known = [pair for pair in known if pair["id"] in split["dev"] and pair["language"] in ("C", "C++")]
    labels = defaultdict(list)
    for pair in known:
        labels[pair["repo"], pair["vulnerable_commit"]].append((pair, pair["file"], pair["lines_vulnerable"], 1.0))
        fixed = pair["file_fixed"], pair["lines_vulnerable_in_fixed"]
        labels[pair["repo"], pair["fix_commit"]].append((pair, *fixed, 0.0))
    out = []
    for (repo, commit), here in sorted(labels.items()):
        folder = os.path.join(args.checkouts, f"{repo.replace('/', '+')}@{commit[:12]}")
        if not os.path.isdir(folder):
            continue
        results = review(args, folder)
        others = []
        for result in results:
            file, line, _ = place(result)
            hit = [
                right
                for pair, path, lines, right in here
                if file.endswith(path) and any(abs(line - at) <= NEAR for at in lines)
                and accepted(scorer, cwes(result), pair)
            ]
            if hit:
                out.append(example(result, hit[0], 1.0, repo, 0.0))
            else:
                others.append(result)
        # All other findings of a checkout together count as much as one labelled finding.
        out.extend(example(result, args.real, 1.0 / len(others), repo, 0.0) for result in others)
    return out


def accepted(scorer, numbers, pair):
    classes = {scorer.cwe_class(cwe) for cwe in [pair["cwe"], *pair["also_accept_cwe"]]}
    return any(scorer.cwe_class(f"CWE-{number}") in classes for number in numbers)


class Table:
    """weights.toml as lines, so that comments stay."""

    def __init__(self, path, bases):
        self.path = path
        self.lines = open(path, encoding="utf-8").read().split("\n")
        self.at = {}
        self.value = {("base", rule): base for rule, base in bases.items()}
        section = None
        for number, line in enumerate(self.lines):
            head = re.fullmatch(r"\[(?:rules\.([\w-]+)\.)?features\]", line) or re.fullmatch(r"\[rules\.([\w-]+)\]", line)
            if head:
                section = ("rule", head.group(1)) if line.endswith(".features]") else ("base", head.group(1))
                continue
            entry = re.fullmatch(r'"?([\w.-]+)"? = (-?[\d.]+)(.*)', line)
            if not entry or section is None:
                continue
            key = ("base", section[1]) if section[0] == "base" else (section[1], entry.group(1))
            self.at[key] = number
            self.value[key] = float(entry.group(2))

    def keys(self, one):
        """Which coefficients an example uses, and how often."""
        yield ("base", one["rule"]), 1.0
        for name, value in one["features"].items():
            for key in ((one["rule"], name), (None, name)):
                if key in self.value:
                    yield key, value
                    break

    def write(self, values):
        for key, number in self.at.items():
            if key in values:
                self.lines[number] = re.sub(r"= -?[\d.]+", f"= {values[key]:.1f}", self.lines[number], count=1)
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        # Base weights that only the rule itself declares so far.
        for key in sorted(key for key in values if key[0] == "base" and key not in self.at):
            self.lines += ["", f"[rules.{key[1]}]", f"base = {values[key]:.1f}"]
        self.lines.append("")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.lines))


def fit(examples, table, ridge, rounds=400):
    """Coefficients in decibans, by gradient descent with momentum from the present ones."""
    prior = defaultdict(float, table.value)
    rows = [(list(table.keys(one)) + [(("suite", ""), one["suite"])], one["right"], one["count"]) for one in examples]
    values = dict(prior)
    values[("suite", "")] = 0.0
    scale = defaultdict(lambda: ridge)
    for row, _, count in rows:
        for key, times in row:
            scale[key] += count * times * times * 0.25 * DECIBAN * DECIBAN * 8
    speed = defaultdict(float)
    for _ in range(rounds):
        slope = defaultdict(float)
        for row, right, count in rows:
            logit = sum(values.get(key, 0.0) * times for key, times in row) * DECIBAN
            error = (1 / (1 + math.exp(-max(-40.0, min(40.0, logit)))) - right) * count
            for key, times in row:
                slope[key] += error * times * DECIBAN
        for key, steep in slope.items():
            loose = 0.0 if key[0] == "suite" else ridge
            steep += loose * (values.get(key, 0.0) - prior[key])
            speed[key] = 0.8 * speed[key] - steep / scale[key]
            values[key] = values.get(key, 0.0) + speed[key]
    return values


def predict(values, table, one):
    keys = list(table.keys(one)) + [(("suite", ""), one["suite"])]
    return sum(values.get(key, 0.0) * times for key, times in keys)


def curve(rows):
    """Share that is right by predicted decibans, in steps of five."""
    bins = defaultdict(lambda: [0.0, 0.0, 0.0])
    for decibans, one in rows:
        cell = bins[max(-30, min(25, 5 * math.floor(decibans / 5)))]
        cell[0] += one["count"]
        cell[1] += one["count"] * one["right"]
        cell[2] += one["count"] / (1 + 10 ** (-decibans / 10))
    return sorted(bins.items())


def loss(rows):
    total = sum(one["count"] for _, one in rows)
    def one_loss(decibans, right):
        p = min(1 - 1e-9, max(1e-9, 1 / (1 + 10 ** (-decibans / 10))))
        return -(right * math.log2(p) + (1 - right) * math.log2(1 - p))
    return sum(one["count"] * one_loss(decibans, one["right"]) for decibans, one in rows) / total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banbury", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--juliet", required=True)
    parser.add_argument("--checkouts", required=True)
    parser.add_argument("--work", default="target/weights")
    parser.add_argument("--table", default="crates/banbury-checkers/weights.toml")
    parser.add_argument("--real", type=float, default=0.15)
    parser.add_argument("--ridge", type=float, default=0.05)
    parser.add_argument("--write", action="store_true", help="write the coefficients into the table")
    parser.add_argument("--out", help="write the report here")
    args = parser.parse_args()
    args.banbury = os.path.abspath(args.banbury)
    os.makedirs(args.work, exist_ok=True)

    rules = json.loads(subprocess.check_output([args.banbury, "rules", "--json"]))
    table = Table(args.table, {rule["id"]: rule["weight"] for rule in rules})
    examples = juliet(args) + pairs(args)
    before, after = [], []
    for fold in range(5):
        values = fit([one for one in examples if one["fold"] != fold], table, args.ridge)
        for one in (one for one in examples if one["fold"] == fold):
            before.append((one["weight"], one))
            after.append((predict(values, table, one), one))
    values = fit(examples, table, args.ridge)

    certain = [one for one in examples if one["right"] in (0.0, 1.0)]
    suite = sum(1 for one in certain if one["suite"])
    lines = [
        "# Calibration of weights",
        "",
        f"{len(certain)} labelled findings ({suite} of Juliet, {len(certain) - suite} of pairs), "
        f"{len(examples) - len(certain)} others on real code taken to be right with probability {args.real}.",
        f"Loss, bits a finding: {loss(before):.3f} with the table as it was, {loss(after):.3f} fitted (unseen folds). "
        f"Juliet's own coefficient: {values[('suite', '')]:+.1f} dB.",
        "",
        "| decibans | findings (weighted) | right | predicted |",
        "|---|---|---|---|",
    ]
    for start, (count, right, predicted) in curve(after):
        lines.append(f"| {start} to {start + 5} | {count:.1f} | {right / count:.2f} | {predicted / count:.2f} |")
    moved = sorted(((values[key] - old, key) for key, old in table.value.items() if key in values), key=lambda t: -abs(t[0]))
    lines += ["", "Moved most:", "", "| coefficient | from | to |", "|---|---|---|"]
    for change, key in moved[:25]:
        name = " ".join(part for part in key if part)
        lines.append(f"| `{name}` | {values[key] - change:+.1f} | {values[key]:+.1f} |")
    report = "\n".join(lines) + "\n"
    print(report)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write(report)
    if args.write:
        table.write(values)


if __name__ == "__main__":
    main()
