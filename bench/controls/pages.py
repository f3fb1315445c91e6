#!/usr/bin/env python3
"""Turns an instance's tables into pages of NetBox's REST interface, to measure reading them.

    pages.py INSTANCE FOLDER        # FOLDER/netbox: pages; FOLDER/csv: the tables that NetBox lacks
"""
import csv
import json
import os
import shutil
import sys

instance, folder = sys.argv[1:]
PAGE = 1000
tables = os.path.join(instance, "csv")
os.makedirs(os.path.join(folder, "netbox"))
os.makedirs(os.path.join(folder, "csv"))
for name in os.listdir(tables):
    if name not in ("regions.csv", "sites.csv", "nodes.csv", "links.csv"):
        shutil.copy(os.path.join(tables, name), os.path.join(folder, "csv", name))


def rows(name):
    with open(os.path.join(tables, name + ".csv"), encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def pages(endpoint, records):
    batch, number = [], 0

    def flush():
        nonlocal batch, number
        number += 1
        path = os.path.join(folder, "netbox", "%s.%04d.json" % (endpoint.replace("/", "_"), number))
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"count": 0, "next": None, "previous": None, "results": batch}, file, ensure_ascii=False)
        batch = []

    for record in records:
        batch.append(record)
        if len(batch) == PAGE:
            flush()
    if batch:
        flush()


def url(kind, number):
    return "https://netbox.example.net/api/%s/%d/" % (kind, number)


def brief(kind, number, name):
    slug = name.lower().replace(" ", "-")
    return {"id": number, "url": url(kind, number), "display": name, "name": name, "slug": slug}


region_of = {row["region_id"]: i + 1 for i, row in enumerate(rows("regions"))}
site_of = {row["site_id"]: i + 1 for i, row in enumerate(rows("sites"))}
node_of = {}


def fields(row, *without):
    return {k: v if v != "" else None for k, v in row.items() if k not in without}


def regions():
    for row in rows("regions"):
        number = region_of[row["region_id"]]
        parent = row.get("parent_id")
        yield dict(brief("dcim/regions", number, row.get("name") or row["region_id"]), custom_fields=fields(row, "parent_id"),
                   parent=brief("dcim/regions", region_of[parent], parent) if parent else None, description="", tags=[])


def sites():
    for row in rows("sites"):
        number, region = site_of[row["site_id"]], row["region_id"]
        yield dict(brief("dcim/sites", number, row.get("name") or row["site_id"]), latitude=float(row["lat"] or 0),
                   longitude=float(row["lon"] or 0), status={"value": row.get("status") or "active", "label": "-"}, facility="",
                   region=brief("dcim/regions", region_of[region], region) if region else None, tenant=None, tags=[],
                   custom_fields=fields(row, "region_id", "lat", "lon"))


def devices():
    for number, row in enumerate(rows("nodes"), 1):
        node_of[row["node_id"]] = number
        vendor, site, platform = row["vendor_name"], row["site_id"], row.get("platform")
        if row.get("host_id"):
            continue
        kind = dict(brief("dcim/device-types", 1, row.get("product") or "type"), model=row.get("product") or "",
                    manufacturer=brief("dcim/manufacturers", 1, vendor) if vendor else None)
        yield dict(id=number, url=url("dcim/devices", number), display=row["node_id"], name=row["node_id"], device_type=kind,
                   role=brief("dcim/device-roles", 1, row["role"]), tenant=None, serial="", asset_tag=None,
                   platform=brief("dcim/platforms", 1, platform) if platform else None, rack=None, position=None, face=None,
                   site=brief("dcim/sites", site_of[site], site) if site else None, status={"value": row["status"], "label": "-"},
                   primary_ip4=None, description="", comments="", tags=[], custom_fields=fields(row, "node_id", "site_id", "vendor_name"),
                   created="2026-01-01T00:00:00Z", last_updated="2026-01-01T00:00:00Z")


def machines():
    """What runs on another node is a virtual machine; its maker is that of its platform, or a field."""
    for number, row in enumerate(rows("nodes"), 1):
        if not row.get("host_id"):
            continue
        host, site = row["host_id"], row["site_id"]
        yield dict(id=number, url=url("virtualization/virtual-machines", number), display=row["node_id"], name=row["node_id"],
                   role=brief("dcim/device-roles", 1, row["role"]), status={"value": row["status"], "label": "-"}, tags=[],
                   platform=brief("dcim/platforms", 1, row["platform"]) if row.get("platform") else None,
                   site=brief("dcim/sites", site_of[site], site) if site else None, tenant=None,
                   device=brief("dcim/devices", node_of.get(host, 0), host), custom_fields=fields(row, "node_id", "site_id", "host_id"))


def cables():
    for number, row in enumerate(rows("links"), 1):
        ends = {}
        for end, key in (("a_terminations", "a_node"), ("b_terminations", "b_node")):
            device = node_of[row[key]]
            ends[end] = [{"object_type": "dcim.interface", "object_id": device, "object": {
                "id": device, "name": "eth0", "device": {"id": device, "name": row[key], "display": row[key]}}}]
        yield dict(id=number, url=url("dcim/cables", number), display="#%d" % number, label=row["link_id"], type=None,
                   status={"value": row["status"], "label": "-"}, custom_fields=fields(row, "link_id", "a_node", "b_node"), tags=[], **ends)


for endpoint, records in (("dcim/regions", regions), ("dcim/sites", sites), ("dcim/devices", devices),
                          ("virtualization/virtual-machines", machines), ("dcim/cables", cables)):
    pages(endpoint, records())
