#!/usr/bin/env python3
"""Makes the pages of NetBox's REST interface that `banbury network --netbox` reads from a dump of
NetBox's database in JSON (`manage.py dumpdata`; the project netbox-demo-data publishes one).

    pages_from_dump.py netbox-demo-v3.6.json FOLDER
"""
import json
import os
import sys

dump = json.load(open(sys.argv[1], encoding="utf-8"))
out = sys.argv[2]
os.makedirs(out, exist_ok=True)
by_model = {}
for row in dump:
    by_model.setdefault(row["model"], {})[row.get("pk")] = row["fields"]


def brief(model, pk, *more):
    fields = by_model.get(model, {}).get(pk)
    if fields is None:
        return None
    return {"id": pk, **{k: fields[k] for k in ("name", "slug", "model") if k in fields}, **dict(more)}


def page(endpoint, rows):
    with open(os.path.join(out, endpoint.replace("/", "_") + ".json"), "w", encoding="utf-8") as file:
        json.dump({"count": len(rows), "next": None, "previous": None, "results": rows}, file, indent=0)


def status(fields):
    return {"value": fields["status"], "label": fields["status"].title()}


page("dcim/regions", [dict(id=pk, name=f["name"], slug=f["slug"], parent=brief("dcim.region", f["parent"]),
                           custom_fields=f["custom_field_data"]) for pk, f in sorted(by_model["dcim.region"].items())])
page("dcim/sites", [dict(id=pk, name=f["name"], slug=f["slug"], status=status(f), region=brief("dcim.region", f["region"]),
                         tenant=brief("tenancy.tenant", f["tenant"]), facility=f["facility"], latitude=f["latitude"],
                         longitude=f["longitude"], custom_fields=f["custom_field_data"]) for pk, f in by_model["dcim.site"].items()])
page("tenancy/tenants", [dict(id=pk, name=f["name"], slug=f["slug"], group=brief("tenancy.tenantgroup", f["group"]),
                              custom_fields=f["custom_field_data"]) for pk, f in by_model["tenancy.tenant"].items()])


def device_type(pk):
    fields = by_model["dcim.devicetype"][pk]
    return brief("dcim.devicetype", pk, ("manufacturer", brief("dcim.manufacturer", fields["manufacturer"])))


page("dcim/devices", [dict(id=pk, name=f["name"], display=f["name"] or "device %d" % pk, device_type=device_type(f["device_type"]),
                           role=brief("dcim.devicerole", f.get("role", f.get("device_role"))),
                           platform=brief("dcim.platform", f["platform"]), site=brief("dcim.site", f["site"]),
                           status=status(f), custom_fields=f["custom_field_data"]) for pk, f in by_model["dcim.device"].items()])


def platform(pk):
    fields = by_model["dcim.platform"].get(pk)
    return fields and brief("dcim.platform", pk, ("manufacturer", brief("dcim.manufacturer", fields["manufacturer"])))


page("virtualization/virtual-machines",
     [dict(id=pk, name="%s-%d" % (f["name"], pk), role=brief("dcim.devicerole", f["role"]), platform=platform(f["platform"]),
           site=brief("dcim.site", f["site"]), device=brief("dcim.device", f["device"]), status=status(f),
           custom_fields=f["custom_field_data"]) for pk, f in by_model["virtualization.virtualmachine"].items()])

ends = {}
for f in by_model["dcim.cabletermination"].values():
    kind = f["termination_type"]
    component = by_model.get(".".join(kind), {}).get(f["termination_id"], {})
    device = brief("dcim.device", component["device"]) if "device" in component else None
    ends.setdefault(f["cable"], {}).setdefault(f["cable_end"], []).append(
        dict(object_type=".".join(kind), object_id=f["termination_id"],
             object=dict(id=f["termination_id"], name=component.get("name"), device=device)))
page("dcim/cables", [dict(id=pk, type=f["type"], label=f["label"], status=status(f), custom_fields=f["custom_field_data"],
                          a_terminations=ends.get(pk, {}).get("A", []), b_terminations=ends.get(pk, {}).get("B", []))
                     for pk, f in by_model["dcim.cable"].items()])
