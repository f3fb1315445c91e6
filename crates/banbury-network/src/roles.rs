//! Network functions in the words of 3GPP, the O-RAN Alliance, ETSI and the Broadband Forum.

use crate::inventory::Inventory;
use crate::strings::Sym;

/// A network function.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub name: &'static str,
    pub domain: &'static str,
    /// Generation that the function alone tells; empty where it serves several.
    pub generation: &'static str,
    pub about: &'static str,
}

macro_rules! roles {
    ($($name:literal $domain:ident $generation:literal $about:literal)*) => {
        pub const ROLES: &[Role] = &[$(Role {
            name: $name, domain: stringify!($domain), generation: $generation, about: $about,
        }),*];
    };
}

roles! {
    "amf" core "5g" "Access and mobility management function, TS 23.501"
    "smf" core "5g" "Session management function"
    "upf" core "5g" "User plane function"
    "ausf" core "5g" "Authentication server function"
    "udm" core "5g" "Unified data management"
    "udr" core "5g" "Unified data repository"
    "udsf" core "5g" "Unstructured data storage function"
    "nrf" core "5g" "Network repository function"
    "nssf" core "5g" "Network slice selection function"
    "pcf" core "5g" "Policy control function"
    "nef" core "5g" "Network exposure function"
    "chf" core "5g" "Charging function"
    "scp" core "5g" "Service communication proxy"
    "sepp" core "5g" "Security edge protection proxy"
    "bsf" core "5g" "Binding support function"
    "smsf" core "5g" "SMS function"
    "af" core "5g" "Application function"
    "nwdaf" core "5g" "Network data analytics function"
    "ucmf" core "5g" "UE radio capability management function"
    "5g-eir" core "5g" "Equipment identity register"
    "n3iwf" core "5g" "Non-3GPP interworking function"
    "tngf" core "5g" "Trusted non-3GPP gateway function"
    "w-agf" core "5g" "Wireline access gateway function"
    "mme" core "4g" "Mobility management entity, TS 23.401"
    "sgw" core "4g" "Serving gateway"
    "pgw" core "4g" "Packet data network gateway"
    "hss" core "4g" "Home subscriber server"
    "pcrf" core "4g" "Policy and charging rules function"
    "epdg" core "4g" "Evolved packet data gateway"
    "dra" core "4g" "Diameter routing agent"
    "cscf" core "" "IMS call session control function"
    "tas" core "" "Telephony application server"
    "sbc" core "" "Session border controller"
    "mgw" core "" "Media gateway"
    "msc" core "2g" "Mobile switching centre"
    "hlr" core "2g" "Home location register"
    "sgsn" core "3g" "Serving GPRS support node"
    "ggsn" core "3g" "Gateway GPRS support node"
    "stp" core "2g" "Signalling transfer point"
    "smsc" core "2g" "Short message service centre"
    "gnb-du" ran "5g" "gNB distributed unit, TS 38.401"
    "gnb-cu" ran "5g" "gNB central unit"
    "gnb-cu-cp" ran "5g" "gNB central unit, control plane"
    "gnb-cu-up" ran "5g" "gNB central unit, user plane"
    "gnb" ran "5g" "gNB, not split"
    "ru" ran "5g" "Radio unit (O-RU)"
    "o-cloud" platform "5g" "O-RAN cloud platform"
    "near-rt-ric" ran "5g" "Near-real-time RAN intelligent controller"
    "smo" management "5g" "Service management and orchestration, with the non-real-time RIC"
    "enb-bbu" ran "4g" "eNodeB baseband unit"
    "enb" ran "4g" "eNodeB"
    "rrh" ran "4g" "Remote radio head"
    "nodeb" ran "3g" "NodeB"
    "rnc" ran "3g" "Radio network controller"
    "bts" ran "2g" "Base transceiver station"
    "bsc" ran "2g" "Base station controller"
    "das" ran "" "Distributed antenna system"
    "olt" fixed "fttp" "Optical line terminal"
    "ont" fixed "fttp" "Optical network termination"
    "dslam" fixed "fixed" "Digital subscriber line access multiplexer"
    "msan" fixed "fixed" "Multi-service access node"
    "bng" fixed "fixed" "Broadband network gateway"
    "cmts" fixed "fixed" "Cable modem termination system"
    "cpe" fixed "" "Customer premises equipment"
    "csr" transport "" "Cell site router"
    "agg-router" transport "" "Aggregation router"
    "pe-router" transport "" "Provider edge router"
    "p-router" transport "" "Provider core router"
    "route-reflector" transport "" "BGP route reflector"
    "router" transport "" "Router of no particular place"
    "switch" transport "" "Ethernet switch"
    "mw" transport "" "Microwave radio link terminal"
    "roadm" transport "" "Optical add-drop multiplexer"
    "otn" transport "" "OTN switch or transponder shelf"
    "amplifier" transport "" "Optical line amplifier"
    "sdn-controller" management "" "SDN controller"
    "gm" timing "" "Grandmaster clock (PRTC/T-GM, G.8275)"
    "t-bc" timing "" "Telecom boundary clock"
    "igw" interconnect "" "Internet gateway"
    "ipx-gw" interconnect "" "Roaming interconnect gateway"
    "asbr" interconnect "" "Autonomous system border router"
    "isbc" interconnect "" "Interconnect session border controller"
    "sig-fw" security "" "Signalling firewall"
    "firewall" security "" "Firewall"
    "seg" security "" "Security gateway (IPsec)"
    "ids" security "" "Intrusion detection"
    "hsm" security "" "Hardware security module"
    "ca" security "" "Certification authority"
    "aaa" security "" "Authentication, authorisation and accounting"
    "ddos" security "" "Attack mitigation"
    "li-admf" li "" "Lawful interception administration function, TS 33.127"
    "li-df" li "" "Lawful interception delivery function"
    "li-poi" li "" "Point of interception"
    "li-console" li "" "Lawful interception console"
    "ems" management "" "Element management system"
    "nms" management "" "Network management system"
    "oss" management "" "Operations support system"
    "bss" management "" "Business support system"
    "mano" management "" "NFV management and orchestration, ETSI GS NFV 006"
    "nfvo" management "" "NFV orchestrator"
    "vnfm" management "" "VNF manager"
    "vim" management "" "Virtualised infrastructure manager"
    "jump-host" management "" "Jump host"
    "pam" management "" "Privileged access gateway"
    "siem" management "" "Security monitoring"
    "son" management "" "Self-organising network, monitoring and optimisation"
    "paw" management "" "Privileged access workstation"
    "nfvi-host" platform "" "Compute host of the NFV infrastructure"
    "k8s-node" platform "" "Container host"
    "hypervisor" platform "" "Hypervisor"
    "storage" platform "" "Storage system"
    "mec" platform "5g" "Multi-access edge computing host"
    "power" facility "" "Power and cooling controllers"
    "other" other "" "A function no control cares about"
}

/// The functions of one inventory: the built-in ones and those of its table `roles`.
pub struct Roles {
    /// By symbol of the name pool: domain and generation.
    known: rustc_hash::FxHashMap<Sym, (String, String)>,
}

impl Roles {
    pub fn of(inventory: &Inventory) -> Roles {
        let names = &inventory.pools.names;
        let mut known = rustc_hash::FxHashMap::default();
        for role in ROLES {
            if let Some(sym) = names.find(role.name) {
                known.insert(sym, (role.domain.to_owned(), role.generation.to_owned()));
            }
        }
        for row in inventory.roles.iter() {
            if let Some(sym) = names.find(&inventory.id(row.id.0).to_ascii_lowercase()) {
                let word = |s: Sym| inventory.name(s).to_owned();
                known.insert(sym, (word(row.domain.0), word(row.generation.0)));
            }
        }
        Roles { known }
    }

    /// Domain and generation of a function, if it is known.
    pub fn get(&self, role: Sym) -> Option<(&str, &str)> {
        self.known.get(&role).map(|(domain, generation)| (domain.as_str(), generation.as_str()))
    }

    /// The built-in name that is most like `word`, if any is.
    pub fn nearest(&self, word: &str) -> Option<&'static str> {
        let squeeze = |s: &str| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let wanted = squeeze(word);
        ROLES
            .iter()
            .map(|role| (distance(&wanted, &squeeze(role.name)), role.name))
            .min()
            .filter(|&(d, name)| d * 3 <= name.len().max(3))
            .map(|(_, name)| name)
    }
}

/// Levenshtein distance, of the first 32 bytes.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (&a.as_bytes()[..a.len().min(32)], &b.as_bytes()[..b.len().min(32)]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}
