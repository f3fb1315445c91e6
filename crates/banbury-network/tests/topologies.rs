//! Topologies and managed objects in the shapes that standards and their users publish.

use banbury_network::{ImportReport, Importer, Inventory};

fn rfc8345(text: &str) -> (Inventory, ImportReport) {
    let mut importer = Importer::new();
    importer.rfc8345("topology.json", text.as_bytes());
    let (inventory, report) = importer.finish(false);
    (inventory.unwrap_or_else(|| panic!("{:?}", report.problems)), report)
}

fn nrm(text: &str) -> (Inventory, ImportReport) {
    let mut importer = Importer::new();
    importer.nrm("nrm.json", text.as_bytes());
    let (inventory, report) = importer.finish(false);
    (inventory.unwrap_or_else(|| panic!("{:?}", report.problems)), report)
}

fn nodes(inventory: &Inventory) -> Vec<(&str, &str)> {
    let host = |n: &banbury_network::Node| n.host.row().map_or("", |h| inventory.node_id(h));
    inventory.nodes.iter().map(|n| (inventory.id(n.id.0), host(n))).collect()
}

fn links(inventory: &Inventory) -> Vec<(&str, &str)> {
    let name = |n: Option<usize>| n.map_or("", |n| inventory.node_id(n));
    inventory.links.iter().map(|l| (name(l.a.row()), name(l.b.row()))).collect()
}

/// Three routers in a ring as an IP topology lists them: termination points inside the nodes, every
/// link once in each direction, attributes of modules that mean nothing here.
#[test]
fn the_directions_of_a_link_are_one_link() {
    let link = |a: &str, ap: &str, b: &str, bp: &str| {
        format!(
            r#"{{"link-id": "{a},{ap},{b},{bp}", "source": {{"source-node": "{a}", "source-tp": "{ap}"}},
                "destination": {{"dest-node": "{b}", "dest-tp": "{bp}"}},
                "ietf-l3-unicast-topology:l3-link-attributes": {{"metric1": "100"}}}}"#
        )
    };
    let node = |id: &str| {
        format!(
            r#"{{"node-id": "{id}", "ietf-network-topology:termination-point": [{{"tp-id": "1-1"}}, {{"tp-id": "1-2"}}],
                "ietf-l3-unicast-topology:l3-node-attributes": {{"router-id": ["198.51.100.1"]}}}}"#
        )
    };
    let ring = [("A", "1-1", "B", "1-2"), ("B", "1-1", "C", "1-2"), ("C", "1-1", "A", "1-2")];
    let both: Vec<String> =
        ring.iter().flat_map(|&(a, ap, b, bp)| [link(a, ap, b, bp), link(b, bp, a, ap)]).collect();
    let text = format!(
        r#"{{"ietf-network:networks": {{"network": [{{
            "network-types": {{"ietf-l3-unicast-topology:l3-unicast-topology": {{}}}}, "network-id": "ip",
            "node": [{}], "ietf-network-topology:link": [{}]}}]}}}}"#,
        ["A", "B", "C"].map(node).join(","),
        both.join(",")
    );
    let (inventory, report) = rfc8345(&text);
    assert_eq!(links(&inventory), [("A", "B"), ("B", "C"), ("C", "A")]);
    assert_eq!(report.errors, 0);
    // Two links side by side stay two.
    let two = [link("A", "1-1", "B", "1-1"), link("B", "1-1", "A", "1-1"), link("A", "1-2", "B", "1-2")];
    let text = format!(
        r#"{{"ietf-network:networks": {{"network": [{{"network-id": "ip", "node": [{}],
            "ietf-network-topology:link": [{}]}}]}}}}"#,
        ["A", "B"].map(node).join(","),
        two.join(",")
    );
    assert_eq!(links(&rfc8345(&text).0).len(), 2);
}

/// Layers that call their nodes by the same names; what is above rests on what is below.
#[test]
fn one_name_in_two_layers_is_two_nodes() {
    let text = r#"{"ietf-network:networks": {"network": [
        {"network-id": "layer3", "supporting-network": [{"network-ref": "layer1"}],
         "node": [{"node-id": "R1", "supporting-node": [{"network-ref": "layer1", "node-ref": "R1"}]},
                  {"node-id": "VRF", "supporting-node": [{"network-ref": "layer1", "node-ref": "R1"},
                                                        {"network-ref": "layer1", "node-ref": "R2"}]}],
         "ietf-network-topology:link": [{"link-id": "x", "source": {"source-node": "R1"},
                                         "destination": {"dest-node": "VRF"}}]},
        {"network-id": "layer1", "node": [{"node-id": "R1"}, {"node-id": "R2"}],
         "ietf-network-topology:link": [{"link-id": "x", "source": {"source-node": "R1"},
                                         "destination": {"dest-node": "R2"}}]}]}}"#;
    let (inventory, report) = rfc8345(text);
    assert_eq!(
        nodes(&inventory),
        [("layer3/R1", "layer1/R1"), ("VRF", "layer1/R1"), ("layer1/R1", ""), ("R2", "")]
    );
    assert_eq!(links(&inventory), [("layer3/R1", "VRF"), ("layer1/R1", "R2")]);
    assert!(report.problems.iter().any(|p| p.message.contains("2 supporting nodes") && p.row == 2));
}

#[test]
fn a_node_takes_what_the_inventory_says_of_its_element() {
    let text = r#"{"ietf-network:networks": {"network": [{"network-id": "n", "node": [
        {"node-id": "SW-1", "ietf-network-inventory-topology:inventory-mapping-attributes": {"ne-ref": "NE-7"}},
        {"node-id": "NE-8"}]}]},
      "ietf-network-inventory:network-inventory": {"network-elements": {"network-element": [
        {"ne-id": "NE-7", "mfg-name": "Acme", "product-name": "X9", "software-rev": [{"name": "XOS", "revision": "4.2"}]},
        {"ne-id": "NE-8", "mfg-name": "Other"}]}}}"#;
    let (inventory, _) = rfc8345(text);
    let vendors: Vec<&str> = inventory.nodes.iter().map(|n| inventory.name(n.vendor_name.0)).collect();
    assert_eq!(vendors.len(), 2);
    assert!(vendors[0].eq_ignore_ascii_case("acme") && vendors[1].eq_ignore_ascii_case("other"));
    assert_eq!(inventory.name(inventory.nodes[0].sw_version.0), "4.2");
}

/// The same gNB in the JSON of the OpenAPI definitions and in that of the YANG modules.
#[test]
fn managed_objects_of_both_encodings() {
    let openapi = r#"{"SubNetwork": [{"id": "SN", "attributes": {"userLabel": "north"},
        "ManagementSystem": [{"id": "EMS"}],
        "ManagedElement": [{"id": "G1",
          "attributes": {"vendorName": "Acme", "swVersion": "21.3", "locationName": "Tower 4",
                         "managedBy": ["SubNetwork=SN,ManagementSystem=EMS"]},
          "GnbDuFunction": [{"id": "1", "attributes": {"gnbDuId": 1},
            "NrCellDu": [{"id": "1"}, {"id": "2"}],
            "EP_F1C": [{"id": "1", "attributes": {
              "localAddress": {"addressWithVlan": {"ipv4Address": "192.0.2.1", "vlanId": 7}, "port": 38472},
              "remoteAddress": {"ipv4Address": "192.0.2.2"}}}]}],
          "GnbCuCpFunction": {"id": "1", "EP_F1C": [{"id": "1", "attributes": {
              "localAddress": {"addressWithVlan": {"ipv4Address": "192.0.2.2"}},
              "remoteAddress": {"ipv4Address": "192.0.2.1"}}}]}}]}]}"#;
    let yang = r#"{"_3gpp-common-subnetwork:SubNetwork": [{"id": "SN",
        "_3gpp-common-managementsystem:ManagementSystem": [{"id": "EMS"}],
        "_3gpp-common-managed-element:ManagedElement": [{"id": "G1",
          "attributes": {"vendorName": "Acme", "swVersion": "21.3", "locationName": "Tower 4",
                         "managedBy": "SubNetwork=SN,ManagementSystem=EMS"},
          "_3gpp-nr-nrm-gnbdufunction:GNBDUFunction": [{"id": "1",
            "_3gpp-nr-nrm-nrcelldu:NRCellDU": [{"id": "1"}, {"id": "2"}],
            "_3gpp-nr-nrm-ep:EP_F1C": [{"id": "1", "attributes": {"localAddress": "192.0.2.1", "remoteAddress": "192.0.2.2"}}]}],
          "_3gpp-nr-nrm-gnbcucpfunction:GNBCUCPFunction": [{"id": "1",
            "_3gpp-nr-nrm-ep:EP_F1C": [{"id": "1", "attributes": {"localAddress": "192.0.2.2", "remoteAddress": "192.0.2.1"}}]}]}]}]}"#;
    let answer = format!(r#"{{"ietf-restconf:data": {yang}}}"#);
    for text in [openapi, yang, &answer] {
        let (inventory, report) = nrm(text);
        assert_eq!((inventory.nodes.len(), inventory.links.len()), (3, 1), "{:?}", report.problems);
        assert_eq!(inventory.admin_flows.len(), 2);
        assert_eq!(inventory.sites.len(), 1);
        let roles: Vec<&str> = inventory.nodes.iter().map(|n| inventory.name(n.role.0)).collect();
        assert!(roles.contains(&"gnb-du") && roles.contains(&"gnb-cu-cp") && roles.contains(&"ems"));
        assert!(report.problems.iter().any(|p| p.message.starts_with("2 objects of class `N")));
    }
}

#[test]
fn what_is_no_topology_is_refused_with_a_remedy() {
    for (text, word) in [
        ("{}", "no `ietf-network:networks`"),
        ("[1, 2", "malformed"),
        (
            r#"{"ietf-network:networks": {"network": [{"network-id": "n", "node": [{"node-id": "A"}],
            "ietf-network-topology:link": [{"link-id": "l", "source": {"source-node": "A"},
            "destination": {"dest-node": "B"}}]}]}}"#,
            "`B`",
        ),
    ] {
        let mut importer = Importer::new();
        importer.rfc8345("topology.json", text.as_bytes());
        let (inventory, report) = importer.finish(false);
        assert!(inventory.is_none());
        let problem = report.problems.iter().find(|p| p.message.contains(word)).unwrap();
        assert!(problem.file == "topology.json" && !problem.remedy.is_empty());
    }
    let mut importer = Importer::new();
    importer.nrm("nrm.json", br#"{"SubNetwork": [{"id": "1"}]}"#);
    let (inventory, report) = importer.finish(false);
    assert!(inventory.is_none() && report.problems[0].message.contains("no network function"));
}
