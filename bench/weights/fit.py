#!/usr/bin/env python3
"""Fits the coefficients of weights.toml to labelled findings, and draws the calibration curve.

    bench/weights/fit.py --banbury target/release/banbury --bench BENCH --juliet FOLDER --checkouts FOLDER
        [--work FOLDER] [--real 0.17] [--blank] [--write] [--out bench/weights/report.md] [--curve bench/weights/curve.svg]

BENCH holds the folders `juliet` and `cve-pairs` with their scorers. `--juliet` is a sample that
`juliet_score.py sample --copy` wrote; `--checkouts` the folder of checkouts that `score_pairs.py` left
(CACHE/co/SCOPE). Every folder is reviewed once with `--all`; results are kept in `--work`. Only the
development halves of both are used.

Labels. Pairs: a finding that `score_pairs.py` counts as a strict hit is right at the vulnerable revision and
wrong at the fixed one; each pair counts once. Against these stand all other findings of the same revisions,
each revision counting once. Juliet: a finding of a compatible CWE is right in a function of the bad kind and
wrong in one of the good kind; each functional variant counts `--suite`.

Method. Logistic regression on the features, in decibans (10 log10 of the odds), with a penalty on the square
of the distance from the present table (`--ridge`), or from nothing (`--blank`). Where a feature never occurs
its coefficient stays. What other findings are is not known, but few are right; so the fit says how much more
often a kind of finding is a hit than another, and its level is set so that `--real` of what the present table
shows is right, the share that was right when findings were read by hand. A coefficient of its own takes up
that nearly all of Juliet's findings are right, which is so nowhere else; it is left out of the table.

All figures are of predictions for folds that the fit did not see (repositories, functional variants). Nothing
is drawn at random: the same input gives the same numbers. Standard library only.
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
from collections import Counter, defaultdict

DECIBAN = math.log(10) / 10
NEAR = 3
FOLDS = 5
LEVELS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
EVERYWHERE, SUITE = ("everywhere", ""), ("suite", "")


# ---------------------------------------------------------------- findings


def load(path, name):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def kept(args, folder):
    """Where the results of a folder are kept."""
    stamp = f"{os.path.abspath(folder)}\n{os.path.getmtime(args.banbury)}"
    return os.path.join(args.work, hashlib.sha256(stamp.encode()).hexdigest()[:20] + ".sarif")


def review(args, folder):
    """Findings of a folder, from the work folder if they are there."""
    path = kept(args, folder)
    if not os.path.exists(path):
        command = [args.banbury, "review", folder, "--all", "--quiet", "--sarif", path]
        code = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
        if code not in (0, 1):
            print(f"{folder}: exit code {code}, left out", file=sys.stderr)
            return []
    with open(path, encoding="utf-8") as file:
        results = json.load(file)["runs"][0]["results"]
    return [finding(result) for result in results]


def finding(result):
    """What the scorers ask for, and `kind`: the rule with its features."""
    location = result["locations"][0]
    physical = location["physicalLocation"]
    logical = (location.get("logicalLocations") or [{}])[0]
    properties = result["properties"]
    line = physical["region"]["startLine"]
    return {
        "file": physical["artifactLocation"]["uri"],
        "line": line,
        "end": physical["region"].get("endLine", line),
        "function": logical.get("fullyQualifiedName") or logical.get("name", ""),
        "cwes": {int(text.split("-")[1]) for text in properties.get("cwe", [])},
        "kind": (result["ruleId"], tuple(sorted(properties.get("features", {}).items()))),
    }


# ---------------------------------------------------------------- labelled data


class Case:
    """A test case or a pair: what was found where it is vulnerable, and where it is not."""

    def __init__(self, group, right, wrong):
        self.group = group
        self.right = right
        self.wrong = wrong


def juliet(args):
    """Cases of the development half, with the kinds of compatible findings in bad and in good functions."""
    scorer = load(os.path.join(args.bench, "juliet", "juliet_score.py"), "juliet_score")
    bad, good = defaultdict(set), defaultdict(set)
    for one in review(args, args.juliet):
        match = scorer.FN.match(os.path.basename(one["file"]))
        if not match:
            continue
        case, target = match.group(1), int(match.group(2))
        embedded = {int(number) for number in re.findall(r"CWE(\d+)", case.split("__", 1)[1])}
        if not any(scorer.matches(cwe, target, embedded, "standard") for cwe in one["cwes"]):
            continue
        label = scorer.label(one["function"].rsplit("::", 1)[-1], case, match.group(4) or "")
        if label in ("bad", "good"):
            (bad if label == "bad" else good)[case].add(one["kind"])
    names = {scorer.FN.match(name).group(1) for _, _, names in os.walk(args.juliet) for name in names if scorer.FN.match(name)}
    out = []
    for name in sorted(names):
        cwe, functional = int(name[3:].split("_")[0]), name.split("__", 1)[1][:-3]
        known = {"cwe": cwe, "functional": functional}
        if cwe in scorer.CORE and scorer.split_of(name, known, "functional") == "dev":
            out.append(Case(f"{cwe}:{functional}", bad[name], good[name]))
    return out


class Revision:
    """A checkout: all kinds of findings with their numbers, and its thousands of lines."""

    def __init__(self, repo, kinds, lines):
        self.repo = repo
        self.kinds = kinds
        self.lines = lines


def pairs(args):
    """Cases and revisions of the development pairs."""
    scorer = load(os.path.join(args.bench, "cve-pairs", "score_pairs.py"), "score_pairs")
    split = json.load(open(os.path.join(args.bench, "cve-pairs", "split.json"), encoding="utf-8"))
    with open(os.path.join(args.bench, "cve-pairs", "pairs.jsonl"), encoding="utf-8") as file:
        known = [json.loads(line) for line in file]
    known = [pair for pair in known if pair["id"] in split["dev"] and pair["language"] in ("C", "C++")]
    found, revisions, sizes = {}, [], {}
    for repo, commit in sorted({(p["repo"], p[which]) for p in known for which in ("vulnerable_commit", "fix_commit")}):
        folder = os.path.join(args.checkouts, f"{repo.replace('/', '+')}@{commit[:12]}")
        if not os.path.isdir(folder):
            print(f"{folder}: not there, left out", file=sys.stderr)
            continue
        results = review(args, folder)
        files = {pair[name] for pair in known for name in ("file", "file_fixed")}
        found[repo, commit] = [one for one in results if one["file"] in files]
        revisions.append(Revision(repo, Counter(one["kind"] for one in results), lines_of(scorer, folder, sizes)))
    cases = []
    for pair in known:
        vulnerable, fixed = (pair["repo"], pair["vulnerable_commit"]), (pair["repo"], pair["fix_commit"])
        if vulnerable in found and fixed in found:
            right = hits(scorer, pair, found[vulnerable], "vulnerable")
            cases.append(Case(pair["repo"], right, hits(scorer, pair, found[fixed], "fixed")))
    return cases, revisions


def hits(scorer, pair, found, side):
    """Kinds of the findings that the scorer counts at this side of the pair."""
    if side == "vulnerable":
        path, lines, span = pair["file"], pair["lines_vulnerable"], pair["function_range_vulnerable"]
    else:
        path, lines, span = pair["file_fixed"], pair["lines_vulnerable_in_fixed"], pair["function_range_fixed"]
    others = pair.get(f"other_lines_{side}") or ()
    return {
        one["kind"]
        for one in found
        if one["file"] == path
        and scorer.compatible(one, pair)
        and scorer.inside(one, span)
        and not scorer.foreign(one, lines, others, NEAR)
        and scorer.near(one, lines, NEAR)
    }


def lines_of(scorer, folder, sizes):
    """Thousands of lines, as the scorer counts them. Files that revisions share are read once."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if scorer.ext(name) in scorer.SRC and os.path.isfile(path):
                node = os.stat(path).st_ino
                if node not in sizes:
                    sizes[node] = scorer.loc_of(path)
                total += sizes[node]
    return total / 1000


def folds(cases):
    """Fold of each group: the group with most cases first, each into the fold with the fewest."""
    sizes = Counter(case.group for case in cases)
    filled, out = [0] * FOLDS, {}
    for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        out[group] = filled.index(min(filled))
        filled[out[group]] += size
    return out


# ---------------------------------------------------------------- the table


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
                section = ("rule" if line.endswith("features]") else "base", head.group(1))
                continue
            entry = re.fullmatch(r'"?([\w.-]+)"? = (-?[\d.]+)(.*)', line)
            if not entry or section is None:
                continue
            key = ("base", section[1]) if section[0] == "base" else (section[1], entry.group(1))
            self.at[key] = number
            self.value[key] = float(entry.group(2))

    def keys(self, kind):
        """Which coefficients a kind of finding uses, and how often."""
        rule, features = kind
        yield ("base", rule), 1.0
        for name, value in features:
            yield ((rule, name) if (rule, name) in self.value else (None, name)), value

    def weight(self, values, kind):
        return sum(values.get(key, 0.0) * times for key, times in self.keys(kind))

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


# ---------------------------------------------------------------- the fit


def rows_of(real, suite, revisions, share):
    """(kind, of Juliet, right) with the weight that it has in the fit."""
    rows = Counter()
    for case in real:
        for kinds, right in ((case.right, True), (case.wrong, False)):
            for kind in kinds:
                rows[kind, False, right] += 1 / len(kinds)
    for revision in revisions:
        total = sum(revision.kinds.values())
        for kind, number in revision.kinds.items():
            rows[kind, False, False] += number / total
    variants = Counter(case.group for case in suite)
    for case in suite:
        for kinds, right in ((case.right, True), (case.wrong, False)):
            for kind in kinds:
                rows[kind, True, right] += share / variants[case.group] / len(kinds)
    return rows


def fit(rows, table, ridge, blank=False, sweeps=60):
    """Coefficients in decibans: Newton's step for one after another, until they rest."""
    prior = defaultdict(float) if blank else defaultdict(float, table.value)
    values = defaultdict(float, prior)
    uses, logits, weights = defaultdict(list), [], []
    for number, ((kind, of_suite, right), weight) in enumerate(sorted(rows.items())):
        keys = [*table.keys(kind), (EVERYWHERE, 1.0)] + ([(SUITE, 1.0)] if of_suite else [])
        for key, times in keys:
            uses[key].append((number, times))
        logits.append(sum(values[key] * times for key, times in keys))
        weights.append((weight, 1.0 if right else 0.0))
    for _ in range(sweeps):
        furthest = 0.0
        for key, where in uses.items():
            loose = 0.0 if key in (EVERYWHERE, SUITE) else ridge
            slope, bend = loose * (values[key] - prior[key]), loose + 1e-9
            for number, times in where:
                weight, right = weights[number]
                p = share_of(logits[number])
                slope += weight * (p - right) * times * DECIBAN
                bend += weight * p * (1 - p) * times * times * DECIBAN * DECIBAN
            step = max(-5.0, min(5.0, -slope / bend))
            values[key] += step
            furthest = max(furthest, abs(step))
            for number, times in where:
                logits[number] += step * times
        if furthest < 0.01:
            break
    return values


def share_of(decibans):
    return 1 / (1 + 10 ** (-max(-150.0, min(150.0, decibans)) / 10))


# ---------------------------------------------------------------- what it is worth


class Weighing:
    """A table's weights, and which rules show by default."""

    def __init__(self, table, values, hidden):
        self.table, self.values, self.hidden = table, values, hidden
        self.known = {}

    def __call__(self, kind):
        if kind not in self.known:
            self.known[kind] = self.table.weight(self.values, kind)
        return -math.inf if kind[0] in self.hidden else self.known[kind]


def line_for(weigh, revisions, noise):
    """The weight from which on `noise` findings show in a thousand lines."""
    numbers = Counter()
    for revision in revisions:
        for kind, number in revision.kinds.items():
            numbers[weigh(kind)] += number
    room, line = noise * sum(revision.lines for revision in revisions), math.inf
    for weight in sorted(numbers, reverse=True):
        room -= numbers[weight]
        if room < 0 or weight == -math.inf:
            break
        line = weight
    return line


def shown(weigh, line, revisions):
    """Number of findings that show."""
    return sum(n for r in revisions for kind, n in r.kinds.items() if weigh(kind) >= line)


def outcomes(weigh, line, cases):
    """Cases found, and cases found that are silent where nothing is wrong."""
    right = [any(weigh(kind) >= line for kind in case.right) for case in cases]
    wrong = [any(weigh(kind) >= line for kind in case.wrong) for case in cases]
    return sum(right), sum(r and not w for r, w in zip(right, wrong)), sum(wrong)


def scale(before, cases, revisions, real):
    """Share right for each hit per other finding, so that `real` of what shows by default is right."""
    others = sum(number for kind, number in both(revisions).items() if before(kind) >= 0)
    right = sum(1 / len(case.right) for case in cases for kind in case.right if before(kind) >= 0)
    return real * others / right


def calibrated(weigh, kind, per_hit):
    """Decibans of being right. The fit's odds are those of a hit against another finding."""
    share = min(0.99, per_hit * 10 ** ((weigh(kind) + weigh.values.get(EVERYWHERE, 0.0)) / 10))
    return 10 * math.log10(max(1e-9, share / (1 - share)))


def curve(cells, per_hit):
    """(decibans, share right, its deviation, share predicted) by steps of five decibans."""
    bins = defaultdict(lambda: [0.0, 0.0, 0.0, 0])
    for decibans, others, right, hit in cells:
        cell = bins[max(-40, min(20, 5 * math.floor(decibans / 5)))]
        cell[0] += others
        cell[1] += right
        cell[2] += others * share_of(decibans)
        cell[3] += hit
    out = []
    for start, (others, right, predicted, number) in sorted(bins.items()):
        if others:
            share = min(1.0, per_hit * right / others)
            out.append((start, share, share / math.sqrt(number) if number else 0.0, predicted / others, number))
    return out


def drawing(curves):
    """Curves as SVG, by colour: predicted against observed share, with twice the deviation."""
    side, pad = 360, 46
    at = lambda share: (math.log10(max(1e-4, min(1.0, share))) + 4) / 4 * side
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side + 2 * pad} {side + 2 * pad}" font-family="sans-serif" font-size="11">',
           f'<rect width="{side + 2 * pad}" height="{side + 2 * pad}" fill="#fff"/>']
    for power in range(-4, 1):
        x, name = pad + at(10**power), f"{10 ** power:g}"
        out.append(f'<path d="M{x:.1f} {pad}v{side}M{pad} {2 * pad + side - x:.1f}h{side}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{pad + side + 16}" text-anchor="middle">{name}</text>')
        out.append(f'<text x="{pad - 6}" y="{2 * pad + side - x + 4:.1f}" text-anchor="end">{name}</text>')
    out.append(f'<path d="M{pad} {pad + side}L{pad + side} {pad}" stroke="#888" stroke-dasharray="4 3"/>')
    for row, (colour, name, points) in enumerate(curves):
        out.append(f'<circle cx="{pad + 14}" cy="{pad + 16 + 18 * row}" r="4" fill="{colour}"/>')
        out.append(f'<text x="{pad + 24}" y="{pad + 20 + 18 * row}">{name}</text>')
        for _, share, deviation, predicted, number in points:
            if number:
                x, y = pad + at(predicted), pad + side - at(share)
                low, high = pad + side - at(share - 2 * deviation), pad + side - at(share + 2 * deviation)
                out.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}"/>')
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    out.append(f'<text x="{pad + side / 2}" y="{pad + side + 36}" text-anchor="middle">share right, predicted</text>')
    out.append(f'<text transform="translate(12 {pad + side / 2}) rotate(-90)" text-anchor="middle">share right, observed</text></svg>')
    return "\n".join(out) + "\n"


# ---------------------------------------------------------------- the whole


class Data:
    def __init__(self, args):
        self.real, self.revisions = pairs(args)
        self.suite = juliet(args)
        self.fold = folds(self.real)
        self.suite_fold = folds(self.suite)

    def part(self, fold, inside):
        """Cases, revisions and test cases of a fold, or of all the others."""
        return (
            [case for case in self.real if (self.fold[case.group] == fold) == inside],
            [revision for revision in self.revisions if (self.fold[revision.repo] == fold) == inside],
            [case for case in self.suite if (self.suite_fold[case.group] == fold) == inside],
        )


def crossed(args, data, table, before, hidden):
    """Figures of unseen folds at several levels of noise, and the cells of the curve."""
    present = shown(before, 0.0, data.revisions) / sum(r.lines for r in data.revisions)
    levels = sorted({*LEVELS, present})
    figures = {noise: Counter() for noise in levels}
    cells, bits = [], 0.0
    for fold in range(FOLDS):
        real, revisions, suite = data.part(fold, False)
        weigh = Weighing(table, fit(rows_of(real, suite, revisions, args.suite), table, args.ridge, args.blank), hidden)
        per_hit = scale(before, real, revisions, args.real)
        lines = {noise: line_for(weigh, revisions, noise) for noise in levels}
        real, revisions, suite = data.part(fold, True)
        for noise in levels:
            found, told_apart, _ = outcomes(weigh, lines[noise], real)
            right, _, wrong = outcomes(weigh, lines[noise], suite)
            figures[noise].update({"found": found, "apart": told_apart, "right": right, "wrong": wrong})
            figures[noise]["shown"] += shown(weigh, lines[noise], revisions)
        bits += loss(rows_of(real, [], revisions, 0.0), weigh, table)
        for kind, number in both(revisions).items():
            if kind[0] not in hidden:
                cells.append((calibrated(weigh, kind, per_hit), number, 0.0, 0))
        for case in real:
            hits_here = [kind for kind in case.right if kind[0] not in hidden]
            cells += [(calibrated(weigh, kind, per_hit), 0.0, 1 / len(case.right), 1) for kind in hits_here]
    return present, figures, cells, bits


def line_share(weigh, line, per_hit):
    """Share right of what lies at the line."""
    return min(1.0, per_hit * 10 ** ((line + weigh.values.get(EVERYWHERE, 0.0)) / 10))


def both(revisions):
    """Kinds of all revisions; each revision counts once."""
    out = Counter()
    for revision in revisions:
        total = sum(revision.kinds.values())
        for kind, number in revision.kinds.items():
            out[kind] += number / total
    return out


def loss(rows, weigh, table):
    """Bits of hits among all else, with the level that fits best."""
    cells = [(table.weight(weigh.values, kind), right, weight) for (kind, _, right), weight in rows.items()]
    total, wanted = sum(cell[2] for cell in cells), sum(cell[2] for cell in cells if cell[1])
    low, high = -100.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        predicted = sum(weight * share_of(decibans + middle) for decibans, _, weight in cells)
        low, high = (middle, high) if predicted < wanted else (low, middle)
    out = 0.0
    for decibans, right, weight in cells:
        p = min(1 - 1e-9, max(1e-9, share_of(decibans + low)))
        out -= weight * math.log2(p if right else 1 - p)
    return out if total else 0.0


def present_cells(data, before):
    """Cells of the curve by the present table."""
    cells = [(before(kind), number, 0.0, 0) for kind, number in both(data.revisions).items()]
    cells += [(before(kind), 0.0, 1 / len(case.right), 1) for case in data.real for kind in case.right]
    return [cell for cell in cells if cell[0] != -math.inf]


def present_figures(data, before, noise):
    """The present table at a level of noise, on all data."""
    line = 0.0 if noise is None else line_for(before, data.revisions, noise)
    found, told_apart, _ = outcomes(before, line, data.real)
    right, _, wrong = outcomes(before, line, data.suite)
    return {"found": found, "apart": told_apart, "right": right, "wrong": wrong, "shown": shown(before, line, data.revisions)}


def summary(figures, data):
    lines = sum(revision.lines for revision in data.revisions)
    tests = len(data.suite) or 1
    precision = figures["right"] / max(1, figures["right"] + figures["wrong"])
    return (f"{figures['shown'] / lines:.2f} | {figures['apart']} of {len(data.real)} | {figures['found']} | "
            f"{(figures['right'] - figures['wrong']) / tests:.3f} | {precision:.3f} |")


def main():
    args = arguments()
    args.banbury = os.path.abspath(args.banbury)
    os.makedirs(args.work, exist_ok=True)
    rules = json.loads(subprocess.check_output([args.banbury, "rules", "--json"]))
    hidden = {rule["id"] for rule in rules if not rule["default_visible"]}
    table = Table(args.table, {rule["id"]: rule["weight"] for rule in rules})
    data = Data(args)
    before = Weighing(table, table.value, hidden)
    present, figures, cells, bits = crossed(args, data, table, before, hidden)
    values = fit(rows_of(data.real, data.suite, data.revisions, args.suite), table, args.ridge, args.blank)
    weigh = Weighing(table, values, hidden)
    line, per_hit = line_for(weigh, data.revisions, present), scale(before, data.real, data.revisions, args.real)
    points, old_points = curve(cells, per_hit), curve(present_cells(data, before), per_hit)

    lines = described(args, data) + [
        f"Loss on unseen repositories, bits: {old_loss(data, table, before):.1f} with the table as it is, {bits:.1f} fitted.",
        f"As much shows as by default with the present table from {line_share(weigh, line, per_hit):.3f} of being right on.",
    ]
    lines += compared(data, before, present, figures)
    lines += binned("Fitted, unseen folds", points) + binned("Present", old_points) + moved(data, table, values)
    report = "\n".join(lines) + "\n"
    print(report)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            file.write("# Report of fit.py\n\nWritten by `fit.py --out`; `README.md` says what it means.\n\n" + report)
    if args.curve:
        with open(args.curve, "w", encoding="utf-8") as file:
            file.write(drawing([("#246", "fitted, unseen repositories", points), ("#c62", "present", old_points)]))
    if args.write:
        # The line stays at 0, so that as much shows as before.
        own = {key: value for key, value in values.items() if key not in (EVERYWHERE, SUITE)}
        table.write({key: value - (line if key[0] == "base" else 0.0) for key, value in own.items()})


def described(args, data):
    """What the figures are about."""
    found, silent = sum(bool(case.right) for case in data.real), sum(not case.wrong for case in data.real)
    return [
        f"{len(data.real)} pairs of {len(data.fold)} repositories, {found} with a finding at the vulnerable line and "
        f"{len(data.real) - silent} with one at the fixed; "
        f"{sum(sum(r.kinds.values()) for r in data.revisions):,} findings on {len(data.revisions)} revisions, "
        f"{sum(r.lines for r in data.revisions):,.0f} thousand lines; {len(data.suite):,} test cases of "
        f"{len(data.suite_fold)} functional variants. Penalty {args.ridge}, a functional variant counts {args.suite}"
        f"{', from nothing' if args.blank else ''}."
    ]


def old_loss(data, table, before):
    """Bits by the present table, fold by fold as for the fitted one."""
    parts = (data.part(fold, True) for fold in range(FOLDS))
    return sum(loss(rows_of(real, [], revisions, 0.0), before, table) for real, revisions, _ in parts)


def compared(data, before, present, figures):
    """Present and fitted weights at equal noise."""
    lines = [
        "",
        "Present weights in sample, fitted ones on unseen folds:",
        "",
        "| findings per 1,000 lines, at most | weights | measured | pairs told apart | found | Juliet J | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for noise in sorted(figures):
        old = present_figures(data, before, None if noise == present else noise)
        lines.append(f"| {noise:.2f} | present | {summary(old, data)}")
        lines.append(f"| {noise:.2f} | fitted | {summary(figures[noise], data)}")
    return lines


def binned(name, points):
    """The curve as a table."""
    lines = ["", f"{name}:", "", "| decibans | hits | share right | twice its deviation | predicted |", "|---|---|---|---|---|"]
    for start, share, deviation, predicted, number in points:
        lines.append(f"| {start} to {start + 5} | {number} | {share:.4f} | {2 * deviation:.4f} | {predicted:.4f} |")
    return lines


def moved(data, table, values):
    """Coefficients that the fit moved, furthest first."""
    used = {key for kind in both(data.revisions) for key, _ in table.keys(kind)}
    change = {key: values[key] - table.value.get(key, 0.0) for key in used}
    lines = ["", "| coefficient | present | fitted |", "|---|---|---|"]
    for key in sorted(used, key=lambda key: (-abs(change[key]), str(key))):
        if abs(change[key]) >= 0.05:
            name = " ".join(part for part in key if part)
            lines.append(f"| `{name}` | {values[key] - change[key]:+.1f} | {values[key]:+.1f} |")
    return lines


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banbury", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--juliet", required=True)
    parser.add_argument("--checkouts", required=True)
    parser.add_argument("--work", default="target/weights")
    parser.add_argument("--table", default="crates/banbury-checkers/weights.toml")
    parser.add_argument("--real", type=float, default=0.17, help="share of visible findings on real code that is right")
    parser.add_argument("--ridge", type=float, default=0.1)
    parser.add_argument("--suite", type=float, default=0.1, help="what a functional variant of Juliet counts")
    parser.add_argument("--blank", action="store_true", help="start from nothing, not from the present table")
    parser.add_argument("--write", action="store_true", help="write the coefficients into the table")
    parser.add_argument("--out", help="write the report here")
    parser.add_argument("--curve", help="write the calibration curve here, as SVG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
