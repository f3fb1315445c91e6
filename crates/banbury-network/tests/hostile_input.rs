//! Wrong input of every kind gives a message that names file, row and remedy, and changes nothing.

use banbury_network::{ImportReport, Importer, Inventory, Mapping, TableId};

const SITES: &str = "site_id,name,region_id,kind,lat,lon\nS1,One,,cell,52.0,4.0\nS2,Two,,cell,52.1,4.1\n";
const NODES: &str = "node_id,site_id,role,vendor_name,status\nN1,S1,amf,X,active\nN2,S2,csr,X,active\n";

fn import(tables: &[(TableId, &str)], keep_going: bool) -> (Option<Inventory>, ImportReport) {
    let mut importer = Importer::new();
    for (table, text) in tables {
        importer.csv(*table, &format!("{}.csv", table.name()), text.as_bytes());
    }
    importer.finish(keep_going)
}

/// The import is refused with one error at `row` of `file` that mentions `word`, and goes on
/// without the row if asked to.
fn refused(tables: &[(TableId, &str)], file: &str, row: u32, word: &str) {
    let (inventory, report) = import(tables, false);
    assert!(inventory.is_none(), "{word} was accepted");
    let problem = report
        .problems
        .iter()
        .find(|p| p.message.contains(word) || p.remedy.contains(word))
        .unwrap_or_else(|| panic!("no problem mentions {word}: {:?}", report.problems));
    assert_eq!((problem.file.as_str(), problem.row), (file, row), "{problem}");
    assert!(!problem.remedy.is_empty(), "{problem}");
}

#[test]
fn good_tables_are_read() {
    let (inventory, report) = import(&[(TableId::sites, SITES), (TableId::nodes, NODES)], false);
    assert_eq!(inventory.unwrap().nodes.len(), 2);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn missing_column() {
    refused(
        &[(TableId::nodes, "node_id,site_id,vendor_name,status\nN1,,X,active\n")],
        "nodes.csv",
        1,
        "`role`",
    );
}

#[test]
fn rows_are_counted_alike_with_both_ends_of_lines() {
    let nodes =
        "node_id,site_id,role,vendor_name,status\nN1,,amf,X,active\nN2,,gnbdu,X,active\nN3,,amf,X,activ\n";
    for text in [nodes.to_owned(), nodes.replace('\n', "\r\n")] {
        let (_, report) = import(&[(TableId::nodes, &text)], false);
        let rows: Vec<u32> = report.problems.iter().map(|p| p.row).collect();
        assert_eq!(rows, [3, 4], "{:?}", report.problems);
    }
}

#[test]
fn a_list_that_breaks_off_is_told_once() {
    let mut importer = Importer::new();
    importer.json(
        TableId::nodes,
        "nodes.json",
        &br#"[{"node_id": "N1", "role": "amf", "status": "active"}"#[..],
    );
    let links = "link_id,a_node,b_node,kind,status\nL1,N1,N2,core,active\n";
    importer.csv(TableId::links, "links.csv", links.as_bytes());
    let (inventory, report) = importer.finish(false);
    assert!(inventory.is_none());
    let files: Vec<&str> = report.problems.iter().map(|p| p.file.as_str()).collect();
    assert_eq!(files, ["nodes.json"], "{:?}", report.problems);
}

#[test]
fn unknown_function_is_told_with_the_nearest() {
    let nodes = "node_id,site_id,role,vendor_name,status\nN1,,amf,X,active\nN2,,gnbdu,X,active\n";
    refused(&[(TableId::nodes, nodes)], "nodes.csv", 3, "gnb-du");
}

#[test]
fn a_table_that_is_refused_is_told_once() {
    let sites = "site_id,name,kind\nS1,One,cell\n";
    let (inventory, report) = import(&[(TableId::sites, sites), (TableId::nodes, NODES)], false);
    assert!(inventory.is_none());
    assert!(report.problems.iter().all(|p| p.file == "sites.csv" && p.message.contains("is missing")));
}

#[test]
fn ids_of_every_table_are_checked() {
    let cases = [
        (
            TableId::admin_flows,
            "flow_id,src_node,dst_node,kind,action,status\nF,N1,N7,admin,allow,active\n",
            "`N7`",
        ),
        (TableId::service_paths, "service_id,path,seq,node_id\nSV9,primary,0,N1\n", "`SV9`"),
        (TableId::designations, "designation_id,vendor_id,designated_on\nD,V9,2020-01-01\n", "`V9`"),
        (TableId::components, "node_id,kind,vendor_id,essential\nN9,radio,,true\n", "`N9`"),
        (TableId::sync, "node_id,source_id\nN1,N9\n", "`N9`"),
        (
            TableId::waivers,
            "waiver_id,rule_id,subject,granted_on,expires_on\nW,R,N1,2026-01-01,soon\n",
            "soon",
        ),
        (TableId::locations, "location_id,class,lat,lon\nL,nuclear,52.0,181\n", "181"),
        (
            TableId::advisories,
            "advisory_id,platform,severity,published,affected_from,fixed_in\nA,P,high,2026-13-01,,\n",
            "2026-13-01",
        ),
    ];
    for (table, text, word) in cases {
        let file = format!("{}.csv", table.name());
        refused(&[(TableId::sites, SITES), (TableId::nodes, NODES), (table, text)], &file, 2, word);
    }
}

#[test]
fn dangling_link() {
    let links = "link_id,a_node,b_node,kind,status\nL1,N1,N9,metro,active\n";
    refused(
        &[(TableId::sites, SITES), (TableId::nodes, NODES), (TableId::links, links)],
        "links.csv",
        2,
        "`N9`",
    );
}

#[test]
fn two_sites_with_one_name_are_warned_about() {
    let sites = "site_id,name,region_id,kind,lat,lon\nS1,One,,cell,,\nS2,One,,cell,,\n";
    let (inventory, report) = import(&[(TableId::sites, sites), (TableId::nodes, NODES)], false);
    assert!(inventory.is_some());
    assert_eq!((report.problems[0].file.as_str(), report.problems[0].row), ("sites.csv", 3));
    assert!(report.problems[0].message.contains("`S1` and `S2`"));
}

#[test]
fn two_rows_with_one_identifier() {
    let nodes = "node_id,site_id,role,vendor_name,status\nN1,,amf,X,active\nN1,,smf,X,active\n";
    refused(&[(TableId::nodes, nodes)], "nodes.csv", 3, "`N1` names two rows");
    let (inventory, _) = import(&[(TableId::nodes, nodes)], true);
    assert_eq!(inventory.unwrap().nodes.len(), 1);
}

#[test]
fn numbers_dates_and_words() {
    let vendors = |row: &str| format!("vendor_id,name,parent_vendor_id,ownership_pct\nV0,Z,,\n{row}\n");
    refused(&[(TableId::vendors, &vendors("V1,A,V0,-5")), (TableId::nodes, NODES)], "vendors.csv", 3, "-5");
    refused(&[(TableId::vendors, &vendors("V1,A,V0,120")), (TableId::nodes, NODES)], "vendors.csv", 3, "120");
    refused(
        &[(TableId::vendors, &vendors("V1,A,V0,half")), (TableId::nodes, NODES)],
        "vendors.csv",
        3,
        "half",
    );
    refused(&[(TableId::vendors, &vendors("V1,A,V0,NaN")), (TableId::nodes, NODES)], "vendors.csv", 3, "NaN");
    let nodes = |columns: &str, cells: &str| {
        format!("node_id,site_id,role,vendor_name,status,{columns}\nN1,,amf,X,active,{cells}\n")
    };
    refused(&[(TableId::nodes, &nodes("installed_on", "2023-02-30"))], "nodes.csv", 2, "2023-02-30");
    refused(&[(TableId::nodes, &nodes("installed_on", "yesterday"))], "nodes.csv", 2, "yesterday");
    refused(&[(TableId::nodes, &nodes("busy_hour_traffic", "-1"))], "nodes.csv", 2, "-1");
    refused(&[(TableId::nodes, &nodes("busy_hour_traffic", "1e999"))], "nodes.csv", 2, "1e999");
    refused(&[(TableId::nodes, &nodes("subscribers", "1.5"))], "nodes.csv", 2, "1.5");
    refused(&[(TableId::nodes, &nodes("traffic_unit", "Tbit/s"))], "nodes.csv", 2, "tbit/s");
    refused(&[(TableId::nodes, &nodes("exposed", "perhaps"))], "nodes.csv", 2, "perhaps");
    refused(
        &[(TableId::nodes, "node_id,site_id,role,vendor_name,status\nN1,,amf,X,live\n")],
        "nodes.csv",
        2,
        "live",
    );
    let sites = "site_id,region_id,kind,lat,lon\nS1,,cell,91,0\n";
    refused(
        &[(TableId::sites, sites), (TableId::nodes, "node_id,site_id,role,vendor_name,status\n")],
        "sites.csv",
        2,
        "91",
    );
}

#[test]
fn broken_rows_and_files() {
    refused(
        &[(TableId::nodes, "node_id,site_id,role,vendor_name,status\nN1,,amf,X\n")],
        "nodes.csv",
        2,
        "4 cells",
    );
    refused(&[(TableId::nodes, "node_id,site_id,role,vendor_name,status,status\n")], "nodes.csv", 1, "twice");
    refused(&[(TableId::nodes, "")], "nodes.csv", 1, "missing");
    let mut importer = Importer::new();
    importer.csv(
        TableId::nodes,
        "nodes.csv",
        &b"node_id,site_id,role,vendor_name,status\nN1,,amf,\xff,active\n"[..],
    );
    let (inventory, report) = importer.finish(false);
    assert!(inventory.is_none() && report.problems[0].row == 2, "{:?}", report.problems);
    let (inventory, report) = import(&[], false);
    assert!(inventory.is_none() && report.problems[0].remedy.contains("nodes.csv"));
}

#[test]
fn a_million_rows_with_one_bad() {
    let mut text = String::from("node_id,site_id,role,vendor_name,status,subscribers\n");
    for i in 0..1_000_000 {
        let subscribers = if i == 765_432 { "many" } else { "7" };
        text.push_str(&format!("N{i},,ru,X,active,{subscribers}\n"));
    }
    let (inventory, report) = import(&[(TableId::nodes, &text)], false);
    assert!(inventory.is_none());
    assert_eq!(report.errors, 1);
    assert_eq!((report.problems[0].file.as_str(), report.problems[0].row), ("nodes.csv", 765_434));
    let (inventory, _) = import(&[(TableId::nodes, &text)], true);
    assert_eq!(inventory.unwrap().nodes.len(), 999_999);
}

#[test]
fn loops_of_owners_hosts_and_regions_end() {
    let tables = [
        (
            TableId::vendors,
            "vendor_id,name,parent_vendor_id,ownership_pct\nA,A,B,100\nB,B,A,100\nC,C,C,100\n",
        ),
        (TableId::regions, "region_id,parent_id,kind\nR1,R2,region\nR2,R1,region\n"),
        (TableId::sites, "site_id,region_id,kind,lat,lon\nS1,R1,cell,,\n"),
        (
            TableId::nodes,
            "node_id,site_id,role,vendor_name,status,host_id\nN1,S1,amf,A,active,N2\nN2,S1,nfvi-host,B,active,N1\nN3,S1,amf,C,active,N3\n",
        ),
    ];
    let (inventory, report) = import(&tables, false);
    assert!(report.problems.iter().any(|p| p.message.contains("on itself")));
    let inventory = inventory.unwrap();
    let regime =
        "id = \"t\"\ntitle = \"t\"\n[[profile.designates]]\nname = \"Z\"\ndesignated_on = \"2020-01-01\"\n";
    let control = |template: &str| {
        banbury_network::Control::parse(&format!(
            "id = \"X\"\ntitle = \"t\"\n[source]\ndocument = \"d\"\nverified = true\n[check]\n{template}"
        ))
        .unwrap()
    };
    let controls = vec![
        control("template = \"exclude_hosting\"\nroles = \"*\""),
        control(
            "template = \"cap_share\"\nroles = \"*\"\nmeasure = \"count\"\ngroup = \"nation\"\nmax_share = 0.1",
        ),
        control("template = \"min_vendors\"\nmin = 9"),
    ];
    let pack = banbury_network::Pack { regime: banbury_network::Regime::parse(regime).unwrap(), controls };
    let as_of = "2026-01-01".parse().unwrap();
    let result =
        banbury_network::check(&inventory, &[pack], banbury_network::When { as_of, until: None }, None);
    assert_eq!(result.results.len(), 3);
}

#[test]
fn mutated_json_ends_in_a_report() {
    let pages = r#"{"next":null,"results":[{"id":1,"name":"N1","role":{"slug":"amf"},"status":{"value":"active"},"site":null},
        {"id":2,"name":"N2","role":{"slug":"csr"},"status":{"value":"active"}}],"count":2}"#;
    let topology = r#"{"ietf-network:networks":{"network":[{"network-id":"n","node":[{"node-id":"a","banbury:role":"amf"},{"node-id":"b"}],
        "ietf-network-topology:link":[{"link-id":"l","source":{"source-node":"a"},"destination":{"dest-node":"b"}}]}]}}"#;
    let objects = r#"{"SubNetwork":[{"id":"1","ManagedElement":[{"id":"2","attributes":{"vendorName":"X","managedBy":["SubNetwork=1,ManagementSystem=9"]},
        "GnbDuFunction":[{"id":"3","EP_F1C":[{"id":"4","attributes":{"localAddress":{"ipv4Address":"10.0.0.1"},"remoteAddress":"10.0.0.2"}}]}]}],
        "ManagementSystem":[{"id":"9"}]}]}"#;
    let mapping = Mapping::parse(
        &std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../controls/netbox.toml")).unwrap(),
    )
    .unwrap();
    let devices = mapping.sources.iter().find(|s| s.endpoint == "dcim/devices").unwrap();
    let read = |kind: usize, bytes: &[u8]| {
        let mut importer = Importer::new();
        match kind {
            0 => importer.netbox(devices, "devices.json", bytes),
            1 => importer.rfc8345("topology.json", bytes),
            2 => importer.nrm("nrm.json", bytes),
            _ => importer.json(TableId::nodes, "nodes.json", bytes),
        }
        importer.finish(false)
    };
    for (kind, text) in [(0, pages), (1, topology), (2, objects)] {
        let (inventory, report) = read(kind, text.as_bytes());
        assert_eq!(inventory.unwrap_or_else(|| panic!("{:?}", report.problems)).nodes.len(), 2);
    }
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for round in 0..4000 {
        let kind = round % 4;
        let mut bytes =
            [pages, topology, objects, "[{\"node_id\":\"N\",\"role\":\"amf\",\"status\":\"active\"}]"][kind]
                .as_bytes()
                .to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = b"{}[]\",:0\\\xff"[random(10)],
                2 => bytes.insert(at, b"{}[]\",:0\\\n"[random(10)]),
                _ => {
                    bytes.remove(at);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'[');
            }
        }
        let (_, report) = read(kind, &bytes);
        assert!(report.problems.iter().all(|p| !p.file.is_empty()));
    }
    let deep = "[".repeat(100_000);
    for kind in 0..4 {
        assert!(read(kind, deep.as_bytes()).0.is_none());
    }
}
