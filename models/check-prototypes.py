#!/usr/bin/env python3
"""Compares the models with the prototypes in C headers.

    models/check-prototypes.py /usr/include [MORE HEADERS OR FOLDERS]...

Prints models whose number of parameters no prototype of that name has, and parameters that
headers and models do not agree on being non-null. Functions that no header declares are
listed with --missing. Headers are read as text, not preprocessed, so that one machine can
check models for headers that do not compile there.
"""
import pathlib
import re
import sys
import tomllib

IDENT = re.compile(r"[A-Za-z_]\w*")


def closing(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return -1


def split(text):
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return [] if parts in ([""], ["void"]) else parts


def prototypes(text):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^\s*#[^\n]*", " ", text, flags=re.M)
    text = re.sub(r'extern\s+"C"\s*\{', " ", text)
    for declaration in re.split(r"[;{}]", text):
        at = 0
        while (m := re.search(r"([A-Za-z_]\w*)\s*\(", declaration[at:])) is not None:
            start = at + m.end() - 1
            end = closing(declaration, start)
            if end < 0:
                break
            before = declaration[: at + m.start()].rstrip()
            name = m.group(1)
            attribute = name.startswith("__attr") or name.isupper() or name in ("__declspec", "__nonnull") or name.startswith("__builtin")
            if not attribute and before and (before[-1] in "*)" or before[-1].isalnum() or before[-1] == "_"):
                rest = declaration[end + 1 :]
                nonnull = set()
                for group in re.findall(r"nonnull\w*\s*\(\(?([\d,\s]+)\)?\)", rest):
                    nonnull |= {int(n) - 1 for n in group.split(",") if n.strip()}
                yield name, split(declaration[start + 1 : end]), nonnull
                break
            at = end + 1


def main():
    missing_too = "--missing" in sys.argv
    declared = {}
    for root in [a for a in sys.argv[1:] if not a.startswith("--")]:
        root = pathlib.Path(root)
        for header in sorted(root.rglob("*.h")) if root.is_dir() else [root]:
            if "c++" in header.parts:
                continue
            try:
                text = header.read_text(errors="replace")
            except OSError:
                continue
            for name, params, nonnull in prototypes(text):
                declared.setdefault(name, []).append((len(params), params, nonnull, header))
    checked = absent = wrong = 0
    for file in sorted(pathlib.Path(__file__).parent.glob("*.toml")):
        for entry in tomllib.loads(file.read_text()).get("function", []):
            stated = {
                entry["params"].index(w) for e in entry.get("effects", []) if e.startswith("nonnull ") for w in e.split()[1:]
            }
            for name in entry.get("names", []) + entry.get("wide", []):
                known = declared.get(name)
                if not known:
                    absent += 1
                    if missing_too:
                        print(f"{file.name}: {name}: no prototype found")
                    continue
                checked += 1
                if all(count != len(entry["params"]) or (params[-1:] == ["..."]) != (entry["params"][-1:] == ["..."]) for count, params, _, _ in known):
                    wrong += 1
                    print(f"{file.name}: {name}({', '.join(entry['params'])}) but {known[0][3]}: ({', '.join(' '.join(p.split()) for p in known[0][1])})")
                    continue
                for _, _, nonnull, header in known:
                    if nonnull and nonnull - stated:
                        names = [entry["params"][i] for i in sorted(nonnull - stated) if i < len(entry["params"])]
                        print(f"{file.name}: {name}: {header} says non-null: {' '.join(names)}")
                        break
    print(f"{checked} checked, {wrong} differ, {absent} without a prototype")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
