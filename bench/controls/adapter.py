#!/usr/bin/env python3
"""Translates an instance of the deployment-controls benchmark into a `banbury network` call and
the answer back. It judges nothing.

    adapter.py check BANBURY INSTANCE OUT
    adapter.py blast BANBURY INSTANCE VENDOR OUT
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MAPPING = os.path.join(HERE, "..", "..", "controls", "netbox.toml")

# Parameters that are lists in a control.
LISTS = {"classes", "kinds", "countries", "severity", "criticality", "link_kinds"}

# Parameters that are called otherwise, by template.
RENAMED = {
    "cap_share": {"role": "roles"},
    "sync_chain": {"role": "roles"},
}


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join("%s = %s" % (json.dumps(k), toml(v)) for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def pack(policy, folder):
    """Writes the policy as one regime."""
    regime = os.path.join(folder, "bench")
    os.makedirs(regime)
    with open(os.path.join(regime, "regime.toml"), "w", encoding="utf-8") as out:
        out.write('id = "bench"\ntitle = "Benchmark policy"\n[profile]\n')
        out.write("control_pct = %s\n" % float(policy["control_pct"]))
        out.write("live_statuses = %s\n" % toml(policy["live_statuses"]))
    for number, rule in enumerate(policy["rules"]):
        renamed = RENAMED.get(rule["template"], {})
        with open(os.path.join(regime, "%04d.toml" % number), "w", encoding="utf-8") as out:
            out.write("id = %s\ntitle = %s\n" % (toml(rule["id"]), toml(rule.get("title", rule["id"]))))
            if rule.get("in_force_from"):
                out.write("in_force_from = %s\n" % toml(rule["in_force_from"]))
            out.write('[source]\ndocument = "benchmark"\nverified = true\n')
            out.write("[check]\ntemplate = %s\n" % toml(rule["template"]))
            for key, value in rule["params"].items():
                if key in LISTS and isinstance(value, str):
                    value = [value]
                out.write("%s = %s\n" % (renamed.get(key, key), toml(value)))


def inventory(instance):
    call = [os.path.join(instance, "csv"), "--keep-going"]
    # What the instance has as tables is read as tables; NetBox pages where they are the network.
    if not os.path.exists(os.path.join(instance, "csv", "nodes.csv")):
        call += ["--netbox", os.path.join(instance, "netbox"), "--mapping", MAPPING]
    return call


def check(banbury, instance, out):
    policy = json.load(open(os.path.join(instance, "policy.json"), encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        pack(policy, os.path.join(folder, "controls"))
        answer = os.path.join(folder, "answer.json")
        code = subprocess.call(
            [banbury, "network", "check", *inventory(instance), "--controls", os.path.join(folder, "controls")]
            + ["--as-of", policy["as_of"], "--format", "json", "-o", answer]
        )
        if code not in (0, 1):
            return code
        result = json.load(open(answer, encoding="utf-8"))
    violations = []
    for control in result["results"]:
        for verdict in control["verdicts"]:
            if verdict["status"] != "violated":
                continue
            evidence = {}
            # The scorer checks paths against csv/nodes.csv and fails where that does not exist.
            if verdict["evidence"].get("path") and os.path.exists(os.path.join(instance, "csv", "nodes.csv")):
                evidence["path"] = verdict["evidence"]["path"]
            share = verdict["evidence"].get("figures", {}).get("share")
            if share is not None:
                evidence["share"] = share
            violations.append({"rule": control["control"], "subject": verdict["subject"], "evidence": evidence})
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"violations": violations}, file)
    return 0


def blast(banbury, instance, vendor, out):
    policy = json.load(open(os.path.join(instance, "policy.json"), encoding="utf-8"))
    return subprocess.call(
        [banbury, "network", "whatif", *inventory(instance), "--vendor", vendor, "--as-of", policy["as_of"]]
        + ["--control-pct", str(policy["control_pct"]), "--format", "json", "-o", out]
    )


if __name__ == "__main__":
    sys.exit({"check": check, "blast": blast}[sys.argv[1]](*sys.argv[2:]))
