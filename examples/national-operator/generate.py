#!/usr/bin/env python3
"""Makes the example network: a synthetic national mobile and fibre operator. Same output each time.

    python3 generate.py FOLDER

Vendors, customers and places are invented. Two regions, four core sites, rings of aggregation
sites, cell sites and exchanges; the vendor Orbital is designated.
"""
import csv
import os
import random
import sys

rng = random.Random(20221013)
out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def write(name, columns, rows):
    with open(os.path.join(out, name + ".csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split())
        writer.writerows(rows)


vendors = [
    ("ORB", "Orbital Systems", "XA", "", "", "Orbital;Orbital Systems Co., Ltd."),
    ("LUM", "Lumen Optics", "XA", "ORB", 70, ""),
    ("NOR", "Nordvik Radio", "XB", "", "", "Nordvik"),
    ("CAR", "Cardinal Networks", "XC", "", "", "Cardinal"),
    ("HEL", "Helix Core", "XB", "", "", ""),
    ("TEC", "Tecton Services", "XC", "", "", ""),
]
write("vendors", "vendor_id name country parent_vendor_id ownership_pct aliases", vendors)
write("designations", "designation_id vendor_id designated_on regime",
      [("DN-1", "ORB", "2022-10-13", "UK"), ("DN-2", "ORB", "2024-02-01", "EU")])
write("regions", "region_id name parent_id kind",
      [("NAT", "Nation", "", "nation"), ("NORTH", "North", "NAT", "region"), ("SOUTH", "South", "NAT", "region")])
customers = [("GOV", "Ministry of the Interior", "government"), ("MOD", "Armed forces", "defence"),
             ("AMB", "Ambulance service", "emergency"), ("GRID", "Grid operator", "cni"), ("BANK", "Savings bank", "enterprise")]
write("customers", "customer_id name class", customers)

sites, nodes, links, flows, sync, paths, services = [], [], [], [], [], [], []
NODE = ("node_id site_id role vendor_name platform sw_version status installed_on planned_removal host_id "
        "busy_hour_traffic traffic_unit subscribers premises generation product support_end managed_by image_digest exposed")
SOFTWARE = {"Nordvik Radio": ("nv-ran", ["8.2", "8.4"]), "Orbital Systems": ("orb-os", ["V100R019C10", "V100R021C10"]),
            "Cardinal Networks": ("car-xr", ["13.4", "13.5"]), "Helix Core": ("hx-5gc", ["3.1"]), "Lumen Optics": ("lum-os", ["2.0"])}


def node(name, site, role, vendor, **more):
    platform, versions = SOFTWARE[vendor]
    version = rng.choice(versions)
    row = dict(node_id=name, site_id=site, role=role, vendor_name=vendor, platform=platform, sw_version=version,
               status="active", installed_on="%d-%02d-%02d" % (rng.randint(2016, 2022), rng.randint(1, 12), rng.randint(1, 28)),
               image_digest="sha256:%s-%s" % (platform, version), support_end="%d-12-31" % rng.randint(2026, 2031))
    row.update(more)
    nodes.append([row.get(c, "") for c in NODE.split()])
    return name


def link(a, b, kind, gbps, encryption="none", plane="user"):
    links.append(("L%04d" % len(links), a, b, kind, gbps, encryption, "active", plane))


def flow(a, b, kind="admin", protocol="netconf", action="allow"):
    flows.append(("F%04d" % len(flows), a, b, kind, protocol, action, "active"))


cores = []
for i, (region, lat, lon) in enumerate([("NORTH", 57.10, 12.30), ("NORTH", 57.70, 14.10), ("SOUTH", 55.70, 13.20), ("SOUTH", 56.20, 15.60)]):
    site = "CORE%d" % i
    sites.append((site, "Core %d" % i, region, "core", lat, lon, "active", "none", ""))
    pe = node("pe%d" % i, site, "pe-router", "Cardinal Networks")
    p = node("p%d" % i, site, "p-router", "Cardinal Networks")
    node("roadm%d" % i, site, "roadm", "Lumen Optics" if i == 3 else "Cardinal Networks")
    link(pe, p, "core", 400, "macsec")
    cores.append((site, pe, p))
    host = node("nfvi%d" % i, site, "nfvi-host", "Cardinal Networks")
    for role in ["amf", "smf", "upf", "udm", "ausf", "nrf", "sepp", "scp"]:
        vendor = "Orbital Systems" if (role, i) == ("upf", 2) else "Helix Core"
        name = node("%s%d" % (role, i), site, role, vendor, host_id=host)
        if role == "upf":
            link(name, pe, "core", 100, "ipsec")
        if role in ("amf", "smf", "udm", "ausf", "sepp"):
            link(name, "scp%d" % i, "signalling", 1, "ipsec", "control")
    admf = node("admf%d" % i, site, "li-admf", "Helix Core", host_id=host)
    gw = node("ipx%d" % i, site, "ipx-gw", "Cardinal Networks", exposed="true")
    link(gw, "sepp%d" % i, "signalling", 1, "ipsec", "control")
    gm = node("gm%d" % i, site, "gm", "Cardinal Networks")
    jump = node("jump%d" % i, site, "jump-host", "Cardinal Networks")
    for vendor, short in [("Orbital Systems", "orb"), ("Nordvik Radio", "nv"), ("Cardinal Networks", "car")]:
        ems = node("ems-%s%d" % (short, i), site, "ems", vendor)
        flow(jump, ems, protocol="ssh")
    flow("ems-car%d" % i, pe)
    flow("ems-car%d" % i, host, protocol="redfish")
    if i == 1:
        flow("ems-orb1", host, protocol="telnet")
for i in range(4):
    link(cores[i][2], cores[(i + 1) % 4][2], "core", 400, "macsec")

aggs = []
for i in range(12):
    c = i % 4
    region = "NORTH" if c < 2 else "SOUTH"
    lat, lon = sites[c][4] + rng.uniform(-.5, .5), sites[c][5] + rng.uniform(-.8, .8)
    site = "AGG%02d" % i
    sites.append((site, "Aggregation %d" % i, region, "agg", round(lat, 5), round(lon, 5), "active", "none", ""))
    vendor = "Orbital Systems" if i in (1, 6, 7) else "Cardinal Networks"
    a = node("agg%02d" % i, site, "agg-router", vendor)
    clock = node("tbc%02d" % i, site, "t-bc", vendor)
    link(a, cores[c][1], "metro", 100, "macsec" if vendor != "Orbital Systems" else "none")
    link(a, cores[(c + 1) % 4][1], "metro", 100, "macsec")
    sync.append((clock, "gm%d" % c, 1))
    flow("ems-%s%d" % ("orb" if vendor == "Orbital Systems" else "car", c), a)
    olt = node("olt%02d" % i, site, "olt", "Orbital Systems" if i % 3 == 0 else "Nordvik Radio",
               premises=rng.randint(4000, 16000), generation="fttp")
    link(olt, a, "backhaul", 40, "macsec")
    aggs.append((site, a, clock, c, region, lat, lon))

critical = {3: "government", 17: "emergency", 29: "cni", 44: "defence", 71: "emergency"}
for i in range(120):
    site_agg, a, clock, c, region, lat, lon = aggs[i % 12]
    site = "CELL%03d" % i
    sites.append((site, "Cell %d" % i, region, "cell", round(lat + rng.uniform(-.25, .25), 5), round(lon + rng.uniform(-.4, .4), 5),
                  "active", critical.get(i, "none"), "national-security" if i in (3, 44) else ""))
    designated = rng.random() < (0.40 if region == "NORTH" else 0.24)
    radio = "Orbital Systems" if designated else "Nordvik Radio"
    router = "Orbital Systems" if designated and i % 2 else "Cardinal Networks"
    gone = "%d-%02d-28" % (rng.randint(2026, 2028), rng.randint(1, 12)) if designated and rng.random() < 0.6 else ""
    csr = node("csr%03d" % i, site, "csr", router, planned_removal=gone if router == "Orbital Systems" else "")
    du = node("du%03d" % i, site, "gnb-du", radio, planned_removal=gone, busy_hour_traffic=rng.randint(200, 3000),
              traffic_unit="Mbit/s", subscribers=rng.randint(300, 4000))
    for s in range(3):
        ru = node("ru%03d-%d" % (i, s), site, "ru", radio, planned_removal=gone)
        link(ru, du, "fronthaul", 25)
    enb = node("enb%03d" % i, site, "enb-bbu", radio, planned_removal=gone)
    link(du, csr, "midhaul", 10)
    link(csr, a, "backhaul", 10, "ipsec" if i % 9 else "none")
    if i % 4 == 0:
        link(csr, aggs[(i + 1) % 12][1], "backhaul", 10, "ipsec")
    sync.append((du, clock, 1))
    if i % 3 == 0:
        sync.append((du, aggs[(i + 5) % 12][2], 2))
    flow("ems-%s%d" % ("orb" if designated else "nv", c), du)
    flow("ems-%s%d" % ("orb" if router == "Orbital Systems" else "car", c), csr)

for i in range(40):
    a, b = rng.sample(range(120), 2)
    service = "SV%03d" % i
    services.append((service, customers[i % 5][0], rng.choice(["l2vpn", "l3vpn"]), "csr%03d" % a, "csr%03d" % b, rng.choice(["true", "false"]), (1, 2, 5, 10)[i % 4]))
    ia, ib = aggs[a % 12], aggs[b % 12]
    hops = ["csr%03d" % a, ia[1], cores[ia[3]][1], cores[ib[3]][1], ib[1], "csr%03d" % b]
    for seq, hop in enumerate(dict.fromkeys(hops)):
        paths.append((service, "primary", seq, hop))
    if a % 4 == 0:
        ic = aggs[(a + 1) % 12]
        for seq, hop in enumerate(dict.fromkeys(["csr%03d" % a, ic[1], cores[ic[3]][1], cores[ib[3]][1], ib[1], "csr%03d" % b])):
            paths.append((service, "protect", seq, hop))

write("sites", "site_id name region_id kind lat lon status criticality sensitivity", sites)
write("nodes", NODE, nodes)
write("links", "link_id a_node b_node kind capacity_gbps encryption status plane", links)
write("admin_flows", "flow_id src_node dst_node kind protocol action status", flows)
write("sync", "node_id source_id priority", sync)
write("services", "service_id customer_id kind a_node z_node e2e_encrypted capacity_gbps", services)
write("service_paths", "service_id path seq node_id", paths)
write("remote_access", "access_id org_vendor_id target_node via_node mfa recorded from_country enabled",
      [("RA1", "TEC", "ems-car0", "jump0", "true", "true", "XC", "true"), ("RA2", "ORB", "ems-orb1", "jump1", "true", "true", "XA", "true"),
       ("RA3", "NOR", "ems-nv2", "", "true", "false", "XB", "true"), ("RA4", "TEC", "ems-car3", "jump3", "false", "true", "XC", "false")])
write("software", "platform version end_of_support",
      [("nv-ran", "8.2", "2026-03-31"), ("nv-ran", "8.4", "2028-03-31"), ("orb-os", "V100R019C10", "2025-12-31"),
       ("orb-os", "V100R021C10", "2027-06-30"), ("car-xr", "13.4", "2027-01-31"), ("car-xr", "13.5", "2029-01-31"), ("hx-5gc", "3.1", "2028-12-31")])
write("advisories", "advisory_id platform severity published affected_from fixed_in exploited",
      [("A-1", "car-xr", "critical", "2026-09-01", "13.0", "13.5", "true"), ("A-2", "orb-os", "high", "2026-10-20", "V100R018C10", "V100R021C10", "false")])
write("locations", "location_id class lat lon", [("P1", "nuclear", 57.25, 12.11), ("P2", "defence", 56.27, 15.27), ("P3", "government", 55.70, 13.20)])
write("components", "node_id kind vendor_id essential", [("csr010", "modem", "ORB", "true"), ("csr012", "optics", "LUM", "false")])
write("evaluations", "evaluation_id platform version image_digest verdict site_kinds conditions expires_on equivalence open_weight_db",
      [("EV-7", "orb-os", "V100R021C10", "sha256:orb-os-V100R021C10", "conditional", "cell;agg", "no remote access", "2027-12-31", "shown", 6),
       ("EV-5", "orb-os", "V100R019C10", "sha256:orb-os-V100R019C10", "rejected", "", "", "", "not-shown", 31)])
write("waivers", "waiver_id rule_id subject granted_on expires_on authority",
      [("W-1", "DVD-CORE", "upf2", "2026-01-01", "2027-03-31", "Secretary of State")])
write("slices", "slice_id s_nssai customer_id", [("SL1", "01-000001", "AMB")])
write("slice_nodes", "slice_id node_id", [("SL1", "upf0"), ("SL1", "du017"), ("SL1", "csr017")])
