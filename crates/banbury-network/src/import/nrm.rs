use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rfc8345::scalar;
use super::{Importer, Severity};
use crate::inventory::TableId;

/// Managed object classes of TS 28.541 and the functions they stand for.
const CLASSES: &[(&str, &str)] = &[
    ("GnbDuFunction", "gnb-du"),
    ("GnbCuCpFunction", "gnb-cu-cp"),
    ("GnbCuUpFunction", "gnb-cu-up"),
    ("GnbCuFunction", "gnb-cu"),
    ("EnbFunction", "enb"),
    ("AmfFunction", "amf"),
    ("SmfFunction", "smf"),
    ("UpfFunction", "upf"),
    ("N3iwfFunction", "n3iwf"),
    ("PcfFunction", "pcf"),
    ("AusfFunction", "ausf"),
    ("UdmFunction", "udm"),
    ("UdrFunction", "udr"),
    ("UdsfFunction", "udsf"),
    ("NrfFunction", "nrf"),
    ("NssfFunction", "nssf"),
    ("SmsfFunction", "smsf"),
    ("NefFunction", "nef"),
    ("NwdafFunction", "nwdaf"),
    ("ScpFunction", "scp"),
    ("SeppFunction", "sepp"),
    ("ChfFunction", "chf"),
    ("AfFunction", "af"),
    ("ManagementSystem", "ems"),
    ("ManagementNode", "ems"),
];

/// What a managed element says for all functions in it.
#[derive(Clone, Default)]
struct Element {
    vendor: String,
    version: String,
    location: String,
    managed_by: Vec<String>,
}

#[derive(Default)]
struct Walk {
    functions: Vec<(String, &'static str, Element)>,
    /// Address of an end point to the function it belongs to.
    addresses: BTreeMap<String, String>,
    /// Function, kind of end point, address of the far end.
    ends: Vec<(String, String, String)>,
    sites: BTreeMap<String, (String, String)>,
    unknown: BTreeMap<String, u64>,
}

impl Importer {
    /// Reads a tree of managed objects in the JSON of TS 28.541 and TS 28.622 (`SubNetwork`,
    /// `ManagedElement`, network functions, `EP_*` end points). Identifiers are distinguished names;
    /// `managedBy` becomes an administrative flow; two end points with each other's addresses a link.
    pub fn nrm(&mut self, file: &str, text: &[u8]) {
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
                    "export the objects again",
                );
            }
        };
        let mut walk = Walk::default();
        match &root {
            Value::Object(object) => {
                walk.children(object, "", &Element::default());
                // An answer of RESTCONF wraps the objects.
                let data = object.get("data").or_else(|| object.get("ietf-restconf:data"));
                if let Some(object) = data.and_then(Value::as_object) {
                    walk.children(object, "", &Element::default());
                }
            }
            Value::Array(list) => {
                for object in list.iter().filter_map(Value::as_object) {
                    walk.children(object, "", &Element::default());
                }
            }
            _ => {}
        }
        if walk.functions.is_empty() {
            let message = "there is no network function of TS 28.541".to_owned();
            self.problem(Severity::Error, file, 0, message, "export SubNetwork with its ManagedElements");
        }
        for (class, count) in &walk.unknown {
            let message = format!("{count} objects of class `{class}` were left out");
            self.problem(Severity::Warning, file, 0, message, "no control looks at them");
        }
        let mut number = 0;
        for (site, (lat, lon)) in &walk.sites {
            number += 1;
            let cells = [
                ("site_id", site.clone()),
                ("name", site.clone()),
                ("lat", lat.clone()),
                ("lon", lon.clone()),
            ];
            self.put(TableId::sites, &cells, file, number);
        }
        for (dn, role, element) in &walk.functions {
            number += 1;
            let cells = [
                ("node_id", dn.clone()),
                ("site_id", element.location.clone()),
                ("role", (*role).to_owned()),
                ("vendor_name", element.vendor.clone()),
                ("sw_version", element.version.clone()),
                ("status", "active".to_owned()),
            ];
            self.put(TableId::nodes, &cells, file, number);
        }
        self.nrm_relations(&walk, file, number);
    }

    fn nrm_relations(&mut self, walk: &Walk, file: u32, mut number: u32) {
        let known: std::collections::BTreeSet<&str> =
            walk.functions.iter().map(|(dn, ..)| dn.as_str()).collect();
        for (dn, _, element) in &walk.functions {
            for manager in &element.managed_by {
                // The manager may be named by the object that holds it.
                let inside = format!("{manager},");
                let manager = known
                    .iter()
                    .find(|k| **k == manager || k.starts_with(&inside))
                    .map_or(manager.as_str(), |k| k);
                if manager == dn {
                    continue;
                }
                number += 1;
                let cells = [
                    ("flow_id", format!("{manager} > {dn}")),
                    ("src_node", manager.to_owned()),
                    ("dst_node", dn.clone()),
                    ("kind", "admin".to_owned()),
                    ("action", "allow".to_owned()),
                    ("status", "active".to_owned()),
                ];
                self.put(TableId::admin_flows, &cells, file, number);
            }
        }
        let mut made = std::collections::BTreeSet::new();
        for (dn, class, far) in &walk.ends {
            let Some(other) = walk.addresses.get(far) else {
                let message = format!("the far end `{far}` of an `{class}` of `{dn}` is not in the file");
                self.problem(Severity::Warning, file, 0, message, "export both ends to get the link");
                continue;
            };
            let pair = if dn < other { (dn, other) } else { (other, dn) };
            if !made.insert((pair, class)) {
                continue;
            }
            number += 1;
            let kind = match class.as_str() {
                "EP_F1C" | "EP_F1U" => "midhaul",
                "EP_NgU" | "EP_N3" | "EP_S1U" => "backhaul",
                _ => "signalling",
            };
            let cells = [
                ("link_id", format!("{class}: {} - {}", pair.0, pair.1)),
                ("a_node", pair.0.clone()),
                ("b_node", pair.1.clone()),
                ("kind", kind.to_owned()),
                ("status", "active".to_owned()),
            ];
            self.put(TableId::links, &cells, file, number);
        }
    }
}

impl Walk {
    fn children(&mut self, object: &Map<String, Value>, dn: &str, element: &Element) {
        for (member, value) in object {
            // YANG puts the module before the class: `_3gpp-nr-nrm-gnbdufunction:GNBDUFunction`.
            let class = member.rsplit(':').next().unwrap_or_default();
            if !class.starts_with(|c: char| c.is_ascii_uppercase()) {
                continue;
            }
            let one = std::slice::from_ref(value);
            for child in value.as_array().map_or(one, Vec::as_slice).iter().filter_map(Value::as_object) {
                self.managed_object(class, child, dn, element);
            }
        }
    }

    fn managed_object(&mut self, class: &str, object: &Map<String, Value>, above: &str, element: &Element) {
        let id = object.get("id").map(scalar).unwrap_or_default();
        let comma = if above.is_empty() { "" } else { "," };
        let dn = format!("{above}{comma}{class}={id}");
        let empty = Map::new();
        let attributes = object.get("attributes").and_then(Value::as_object).unwrap_or(&empty);
        let text = |name: &str| attributes.get(name).map(scalar).unwrap_or_default();
        if class.starts_with("EP_") {
            let far = attributes.get("remoteAddress").map(address).unwrap_or_default();
            let near = attributes.get("localAddress").map(address).unwrap_or_default();
            if !near.is_empty() {
                self.addresses.insert(near, above.to_owned());
            }
            if !far.is_empty() {
                self.ends.push((above.to_owned(), class.to_owned(), far));
            }
            return;
        }
        let mut element = element.clone();
        let set = |slot: &mut String, value: String| {
            if !value.is_empty() {
                *slot = value;
            }
        };
        set(&mut element.vendor, text("vendorName"));
        set(&mut element.version, text("swVersion"));
        set(&mut element.location, text("locationName"));
        if let Some(managers) = attributes.get("managedBy") {
            let one = std::slice::from_ref(managers);
            let managers = managers.as_array().map_or(one, Vec::as_slice);
            element.managed_by = managers.iter().map(scalar).filter(|m| !m.is_empty()).collect();
        }
        if let Some(place) =
            attributes.get("peeParametersList").and_then(Value::as_array).and_then(|l| l.first())
        {
            let field = |name: &str| place.get(name).map(scalar).unwrap_or_default();
            set(&mut element.location, field("siteIdentification"));
            if !element.location.is_empty() {
                let at = (field("siteLatitude"), field("siteLongitude"));
                self.sites.insert(element.location.clone(), at);
            }
        }
        if !element.location.is_empty() {
            self.sites.entry(element.location.clone()).or_default();
        }
        let wanted = class.to_ascii_lowercase();
        if let Some((_, role)) = CLASSES.iter().find(|(name, _)| name.to_ascii_lowercase() == wanted) {
            self.functions.push((dn.clone(), role, element.clone()));
        } else if !matches!(class, "SubNetwork" | "ManagedElement" | "MeContext") {
            *self.unknown.entry(class.to_owned()).or_default() += 1;
        }
        self.children(object, &dn, &element);
    }
}

/// An address is a text, or an object with the address in one of its members.
fn address(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            ["ipv4Address", "ipv6Address", "ipAddress", "inetAddress", "addressWithVlan", "address"]
                .iter()
                .filter_map(|name| object.get(*name).map(address))
                .find(|text| !text.is_empty())
                .unwrap_or_default()
        }
        other => scalar(other),
    }
}
