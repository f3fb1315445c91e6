//! What disrupted services can be given on the links that are left, alone and all at once.

use banbury_network::{Date, Hostile, Importer, Profile, TableId, WhatIf, WhatIfOptions, World};

const NODES: &str = "node_id,site_id,role,vendor_name,status
a,,pe-router,Good,active
z,,pe-router,Good,active
h,,p-router,Hostile,active
m,,p-router,Good,active
n,,p-router,Good,active
";
/// From `a` to `z` over the hostile node, over `m` (10 Gbit/s) and over `n` (4 Gbit/s).
const LINKS: &str = "link_id,a_node,b_node,kind,capacity_gbps,status
L1,a,h,core,100,active
L2,h,z,core,100,active
L3,a,m,core,10,active
L4,m,z,core,10,active
L5,a,n,core,4,active
L6,n,z,core,4,active
";

/// Services from `a` to `z`: identifier, customer, sold [Gbit/s], and the node in the middle.
fn without_hostile(services: &[(&str, &str, &str, &str)]) -> WhatIf {
    let mut importer = Importer::brief();
    let mut rows = "service_id,customer_id,a_node,z_node,capacity_gbps\n".to_owned();
    let mut paths = "service_id,path,seq,node_id\n".to_owned();
    for (id, customer, sold, middle) in services {
        rows += &format!("{id},{customer},a,z,{sold}\n");
        for (seq, node) in ["a", middle, "z"].iter().enumerate() {
            paths += &format!("{id},p,{seq},{node}\n");
        }
    }
    for (table, text) in [
        (TableId::vendors, "vendor_id,name\nG,Good\nH,Hostile\n"),
        (TableId::customers, "customer_id,name,class\nGOV,Ministry,government\nSHOP,Shop,enterprise\n"),
        (TableId::nodes, NODES),
        (TableId::links, LINKS),
        (TableId::services, &rows),
        (TableId::service_paths, &paths),
    ] {
        importer.csv(table, table.name(), text.as_bytes());
    }
    let (inventory, report) = importer.finish(false);
    let inventory = inventory.unwrap_or_else(|| panic!("{:?}", report.problems));
    let profile = Profile::default();
    let world = World::now(&inventory, &profile, Date::from_ymd(2026, 1, 1).unwrap());
    let vendor = world.find_vendor("Hostile").unwrap();
    banbury_network::what_if(&world, &Hostile::Vendor(vendor), &WhatIfOptions::default())
}

fn carried(result: &WhatIf) -> Vec<(&str, Option<bool>, Option<bool>)> {
    result.services_hit.iter().map(|s| (s.service.as_str(), s.enough, s.carried)).collect()
}

#[test]
fn two_services_that_fit_alone_need_not_fit_together() {
    let result = without_hostile(&[("S1", "SHOP", "6", "h"), ("S2", "SHOP", "6", "h")]);
    assert_eq!(carried(&result), [("S1", Some(true), Some(true)), ("S2", Some(true), Some(false))]);
    assert_eq!((result.services_with_capacity, result.services_carried), (2, 1));
    assert_eq!((result.disrupted_gbps, result.carried_gbps), (12.0, 6.0));
}

#[test]
fn government_services_are_placed_first() {
    let result = without_hostile(&[("S1", "SHOP", "6", "h"), ("S2", "GOV", "7", "h")]);
    assert_eq!(carried(&result), [("S1", Some(true), Some(false)), ("S2", Some(true), Some(true))]);
}

#[test]
fn services_spread_over_several_routes() {
    let result = without_hostile(&[("S1", "SHOP", "4", "h"), ("S2", "SHOP", "8", "h")]);
    // The smaller goes first, over whichever way is as short; the larger fits only over `m`.
    assert!(result.services_carried >= 1);
    let result =
        without_hostile(&[("S1", "SHOP", "8", "h"), ("S2", "SHOP", "9", "h"), ("S3", "SHOP", "3", "h")]);
    let all: Vec<_> = carried(&result).into_iter().map(|s| s.2).collect();
    assert_eq!(all.iter().filter(|c| **c == Some(true)).count() as u64, result.services_carried);
    assert!(result.carried_gbps <= 14.0, "more than the two routes hold");
}

#[test]
fn a_service_that_keeps_its_path_keeps_its_room() {
    let result = without_hostile(&[("S1", "SHOP", "6", "h"), ("S2", "SHOP", "5", "m")]);
    assert_eq!(carried(&result), [("S1", Some(true), Some(false))]);
}

#[test]
fn what_was_sold_must_be_known() {
    let result = without_hostile(&[("S1", "SHOP", "", "h")]);
    assert_eq!(carried(&result), [("S1", None, None)]);
    let result = without_hostile(&[("S1", "SHOP", "11", "h")]);
    assert_eq!(carried(&result), [("S1", Some(false), Some(false))]);
}
