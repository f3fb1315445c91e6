use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Importer, Severity};
use crate::inventory::TableId;

impl Importer {
    /// Reads network topologies in the JSON of RFC 8345 (RFC 7951 encoding), with the attributes of
    /// draft-ietf-ivy-network-inventory where they are there.
    ///
    /// `supporting-node` becomes `host_id`; the two directions of a link become one row. What the models have no leaf for is taken from leaves
    /// named `banbury:` and a column, such as `banbury:role` and `banbury:status`.
    pub fn rfc8345(&mut self, file: &str, text: &[u8]) {
        let file = self.file(file);
        let root: Value = match serde_json::from_slice(text) {
            Ok(root) => root,
            Err(error) => {
                let message = format!("the JSON is malformed: {error}");
                return self.problem(
                    Severity::Error,
                    file,
                    error.line() as u32,
                    message,
                    "export the topology again",
                );
            }
        };
        let networks = leaf(&root, "networks").and_then(|n| leaf(n, "network")).and_then(Value::as_array);
        let Some(networks) = networks else {
            let message = "there is no `ietf-network:networks` with a list `network`".to_owned();
            return self.problem(
                Severity::Error,
                file,
                0,
                message,
                "export the topology as RFC 8345 describes it",
            );
        };
        let elements = leaf(&root, "network-inventory")
            .and_then(|n| leaf(n, "network-elements"))
            .and_then(|n| leaf(n, "network-element"))
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let mut number = 0u32;
        let names = Names::of(networks);
        for network in networks {
            for node in list(network, "node") {
                number += 1;
                let id = text_of(node, "node-id");
                let of = |e: &&Value| text_of(e, "ne-id");
                let mapped = leaf(node, "inventory-mapping-attributes").map(|m| text_of(m, "ne-ref"));
                let element = elements.iter().find(|e| Some(of(e)) == mapped || of(e) == id);
                self.topology_node(&names, network, node, element, file, number);
            }
        }
        let mut one_way: BTreeMap<[String; 5], u32> = BTreeMap::new();
        for network in networks {
            for link in list(network, "link") {
                number += 1;
                self.topology_link(&names, network, link, &mut one_way, file, number);
            }
        }
    }

    /// Links of the model have a direction; a pair of opposite ones is one link.
    fn topology_link(
        &mut self,
        names: &Names,
        network: &Value,
        link: &Value,
        one_way: &mut BTreeMap<[String; 5], u32>,
        file: u32,
        number: u32,
    ) {
        let within = text_of(network, "network-id");
        let end = |end: &str, name: &str| leaf(link, end).map(|e| text_of(e, name)).unwrap_or_default();
        let from = [end("source", "source-node"), end("source", "source-tp")];
        let to = [end("destination", "dest-node"), end("destination", "dest-tp")];
        let key = |a: &[String; 2], b: &[String; 2]| {
            [within.clone(), a[0].clone(), a[1].clone(), b[0].clone(), b[1].clone()]
        };
        if let Some(left) = one_way.get_mut(&key(&to, &from)).filter(|left| **left > 0) {
            *left -= 1;
            return;
        }
        *one_way.entry(key(&from, &to)).or_default() += 1;
        let mut cells: Vec<(&str, String)> = vec![
            ("link_id", names.link(&within, &text_of(link, "link-id"))),
            ("a_node", names.node(&within, &from[0])),
            ("b_node", names.node(&within, &to[0])),
        ];
        own(link, TableId::links, &mut cells);
        default(&mut cells, "status", "active");
        if default(&mut cells, "kind", "other") {
            let message = "the link says nothing about its kind".to_owned();
            self.problem(Severity::Warning, file, number, message, "add a leaf `banbury:kind`");
        }
        self.put(TableId::links, &cells, file, number);
    }

    fn topology_node(
        &mut self,
        names: &Names,
        network: &Value,
        node: &Value,
        element: Option<&Value>,
        file: u32,
        number: u32,
    ) {
        let within = text_of(network, "network-id");
        let mut cells: Vec<(&str, String)> =
            vec![("node_id", names.node(&within, &text_of(node, "node-id")))];
        for from in [Some(node), element].into_iter().flatten() {
            cells.push(("vendor_name", text_of(from, "mfg-name")));
            cells.push(("product", text_of(from, "product-name")));
            let software = list(from, "software-rev").first();
            cells.push(("platform", software.map(|s| text_of(s, "name")).unwrap_or_default()));
            cells.push(("sw_version", software.map(|s| text_of(s, "revision")).unwrap_or_default()));
        }
        let hosts = list(node, "supporting-node");
        if let Some(host) = hosts.first() {
            let below = text_of(host, "network-ref");
            let below = if below.is_empty() { within } else { below };
            cells.push(("host_id", names.node(&below, &text_of(host, "node-ref"))));
        }
        if hosts.len() > 1 {
            let message = format!("the node has {} supporting nodes; the first became its host", hosts.len());
            self.problem(Severity::Warning, file, number, message, "add rows for the others to `nodes`");
        }
        own(node, TableId::nodes, &mut cells);
        default(&mut cells, "status", "active");
        if default(&mut cells, "role", "other") {
            let message = "the node says nothing about its function".to_owned();
            self.problem(Severity::Warning, file, number, message, "add a leaf `banbury:role`");
        }
        self.put(TableId::nodes, &cells, file, number);
    }

    /// A row from columns by name; of several values for one column the first that is not empty.
    pub(super) fn put(&mut self, table: TableId, values: &[(&str, String)], file: u32, number: u32) {
        let mut cells = [""; 32];
        let columns = table.columns();
        for (column, cell) in columns.iter().zip(cells.iter_mut()) {
            *cell =
                values.iter().find(|(name, v)| *name == column.name && !v.is_empty()).map_or("", |(_, v)| v);
        }
        self.row(table, &cells[..columns.len()], file, number);
    }
}

/// Identifiers of the model hold within a network; those that several networks have get the
/// network's name before them.
struct Names {
    nodes: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Names {
    fn of(networks: &[Value]) -> Names {
        Names { nodes: repeated(networks, "node", "node-id"), links: repeated(networks, "link", "link-id") }
    }

    fn node(&self, network: &str, id: &str) -> String {
        if self.nodes.contains(id) { format!("{network}/{id}") } else { id.to_owned() }
    }

    fn link(&self, network: &str, id: &str) -> String {
        if self.links.contains(id) { format!("{network}/{id}") } else { id.to_owned() }
    }
}

/// Identifiers that more than one network has.
fn repeated(networks: &[Value], what: &str, key: &str) -> BTreeSet<String> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = BTreeSet::new();
    for (number, network) in networks.iter().enumerate() {
        for item in list(network, what) {
            let id = text_of(item, key);
            if *first.entry(id.clone()).or_insert(number) != number {
                out.insert(id);
            }
        }
    }
    out
}

/// A member by its name without the module.
fn leaf<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.iter().find(|(key, _)| key.rsplit(':').next() == Some(name)).map(|(_, v)| v)
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    leaf(value, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text_of(value: &Value, name: &str) -> String {
    leaf(value, name).map(scalar).unwrap_or_default()
}

pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    }
}

/// Leaves `banbury:COLUMN`.
fn own(value: &Value, table: TableId, cells: &mut Vec<(&'static str, String)>) {
    let Some(object) = value.as_object() else { return };
    for column in table.columns() {
        if let Some(found) = object.get(&format!("banbury:{}", column.name)) {
            cells.push((column.name, scalar(found)));
        }
    }
}

/// Sets a column that has no value yet; says whether it had none.
fn default(cells: &mut Vec<(&'static str, String)>, column: &'static str, value: &str) -> bool {
    let missing = !cells.iter().any(|(name, v)| *name == column && !v.is_empty());
    if missing {
        cells.push((column, value.to_owned()));
    }
    missing
}
