//! The operator's network: how the controls stand, the map, shares, and what a vendor could do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use askama::Template;
use banbury_network::{
    CheckResult, Date, Hostile, Inventory, Profile, ShareSeries, WhatIf, WhatIfOptions, When, World,
};
use banbury_network_report::{damage, sections};

use super::{Frame, page};
use crate::Network;
use crate::exchange::{Answered, Exchange, Fault};

/// A network with what was computed of it.
pub struct NetworkView {
    inventory: Inventory,
    as_of: Date,
    profile: Profile,
    result: CheckResult,
    series: Vec<ShareSeries>,
    vendors: Vec<(usize, String)>,
    /// By vendor; each is one walk over the network.
    what_ifs: Mutex<BTreeMap<usize, String>>,
}

impl NetworkView {
    pub fn new(network: Network) -> Self {
        let Network { inventory, packs, as_of, sql } = network;
        let when = When { as_of, until: None };
        let mut view = NetworkView {
            result: banbury_network::check(&inventory, &packs, when, sql.as_deref()),
            series: banbury_network::share_series(&inventory, &packs, as_of, 12),
            vendors: Vec::new(),
            what_ifs: Mutex::default(),
            profile: Profile::default(),
            inventory,
            as_of,
        };
        view.vendors = view.find_vendors();
        view
    }

    fn world(&self) -> World<'_> {
        World::now(&self.inventory, &self.profile, self.as_of)
    }

    /// Vendors with equipment in the network: number and name.
    fn find_vendors(&self) -> Vec<(usize, String)> {
        let world = self.world();
        let nodes = 0..self.inventory.nodes.len();
        let rows: BTreeSet<usize> = nodes.filter_map(|node| world.vendor(node)).collect();
        rows.into_iter().map(|row| (row, world.vendor_name(row).to_owned())).collect()
    }

    fn what_if(&self, vendor: usize) -> String {
        let mut known = self.what_ifs.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let hostile = Hostile::Vendor(vendor);
            let what_if: WhatIf =
                banbury_network::what_if(&self.world(), &hostile, &WhatIfOptions::default());
            damage(&self.inventory, &what_if)
        };
        known.entry(vendor).or_insert_with(make).clone()
    }
}

#[derive(Template)]
#[template(path = "network.html")]
struct Show {
    frame: Frame,
    vendors: Vec<(usize, String)>,
    sections: String,
}

#[derive(Template)]
#[template(path = "what_if.html")]
struct Damage {
    frame: Frame,
    vendors: Vec<(usize, String)>,
    vendor: usize,
    section: String,
}

#[derive(Template)]
#[template(path = "no_network.html")]
struct Missing {
    frame: Frame,
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let Some(view) = &x.app.network else { return page(&Missing { frame: Frame::new(x, "Network") }) };
    let report = banbury_network_report::Page {
        title: "Network",
        inventory: &view.inventory,
        result: &view.result,
        series: &view.series,
        what_ifs: &[],
    };
    page(&Show {
        frame: Frame::new(x, "Network"),
        vendors: view.vendors.clone(),
        sections: sections(&report),
    })
}

pub fn what_if(x: &Exchange<'_>) -> Answered {
    let view = x.app.network.as_ref().ok_or(Fault::NotFound)?;
    let vendors = view.vendors.clone();
    let asked = x.asked("vendor").and_then(|text| text.parse::<usize>().ok());
    let vendor = asked.filter(|asked| vendors.iter().any(|(row, _)| row == asked)).ok_or(Fault::NotFound)?;
    page(&Damage { frame: Frame::new(x, "What if"), section: view.what_if(vendor), vendor, vendors })
}
