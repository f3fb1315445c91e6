//! What a query may and may not do, and what the views hold.

use banbury_network::{Figure, Importer, Inventory, Profile, SqlEngine, TableId, World};
use banbury_network_sql::Sqlite;

fn inventory() -> Inventory {
    let mut importer = Importer::new();
    for (table, text) in [
        (TableId::vendors, "vendor_id,name\nA,Alpha\nB,Beta\n"),
        (TableId::designations, "designation_id,vendor_id,designated_on\nD,A,2020-01-01\n"),
        (TableId::regions, "region_id,kind\nR,region\n"),
        (TableId::sites, "site_id,region_id,kind,lat,lon\nS,R,core,52.0,4.0\nT,R,cell,52.1,4.0\n"),
        (
            TableId::nodes,
            "node_id,site_id,role,vendor_name,status,busy_hour_traffic,traffic_unit\n\
             P,S,pe-router,Beta,active,,\nC,T,csr,ALPHA,active,,\nG,T,gnb-du,alpha,active,2,Gbit/s\n\
             H,T,gnb-du,Beta,active,500,Mbit/s\n",
        ),
        (TableId::links, "link_id,a_node,b_node,kind,status\nL,C,P,backhaul,active\n"),
        (TableId::admin_flows, "flow_id,src_node,dst_node,kind,action,status\nF,C,H,admin,allow,active\n"),
        (TableId::locations, "location_id,class,lat,lon\nX,nuclear,52.05,4.0\n"),
    ] {
        importer.csv(table, table.name(), text.as_bytes());
    }
    let (inventory, report) = importer.finish(false);
    inventory.unwrap_or_else(|| panic!("{:?}", report.problems))
}

fn ask(query: &str) -> Result<Vec<Vec<(String, Figure)>>, String> {
    let inventory = inventory();
    let profile = Profile::default();
    let world = World::now(&inventory, &profile, "2026-01-01".parse().unwrap());
    Sqlite::default().select(&world, query)
}

fn subjects(query: &str) -> Vec<String> {
    ask(query)
        .unwrap()
        .into_iter()
        .map(|row| match row.into_iter().find(|(c, _)| c == "subject").unwrap().1 {
            Figure::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn views_hold_what_the_rules_see() {
    assert_eq!(
        subjects("SELECT node_id AS subject FROM node_resolved WHERE designated ORDER BY 1"),
        ["C", "G"]
    );
    assert_eq!(
        subjects(
            "SELECT region_id AS subject FROM share_by_region WHERE role = 'gnb-du' AND measure = 'traffic' AND share = 0.8"
        ),
        ["R"]
    );
    assert_eq!(
        subjects("SELECT node_id AS subject FROM reach_admin WHERE from_node = 'C' AND hops = 1"),
        ["H"]
    );
    assert_eq!(
        subjects("SELECT site_id AS subject FROM near_sensitive WHERE distance_km < 6 ORDER BY 1"),
        ["S", "T"]
    );
    assert_eq!(subjects("SELECT site_id AS subject FROM vendor_out WHERE NOT connected"), ["T"]);
    assert_eq!(
        subjects(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 3) SELECT 'x' || i AS subject FROM n"
        ),
        ["x1", "x2", "x3"]
    );
}

#[test]
fn a_query_only_reads() {
    for query in [
        "DELETE FROM nodes",
        "ATTACH DATABASE '/tmp/banbury-must-not-exist' AS x",
        "PRAGMA journal_mode = wal",
        "SELECT 1",
        "SELECT node_id AS subject FROM nowhere",
        "SELECT load_extension('x') AS subject",
        "",
    ] {
        assert!(ask(query).is_err(), "{query}");
    }
    assert!(!std::path::Path::new("/tmp/banbury-must-not-exist").exists());
    let two = ask("SELECT node_id AS subject FROM nodes; DELETE FROM nodes");
    assert!(two.is_err() || two.is_ok_and(|rows| rows.len() == 4));
}
