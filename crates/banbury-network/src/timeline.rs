//! Shares as they will be, quarter by quarter.

use serde::Serialize;

use crate::control::Pack;
use crate::date::Date;
use crate::inventory::Inventory;
use crate::rules::{Check, InScope, share_rows};
use crate::world::World;

/// The share that a cap limits, in one region, over time.
#[derive(Clone, Debug, Serialize)]
pub struct ShareSeries {
    pub control: String,
    pub region: String,
    pub measure: String,
    pub cap: f64,
    pub deadline: Option<Date>,
    pub points: Vec<(Date, f64)>,
}

/// Every cap of the packs, today and at the start of the coming quarters, plans carried out.
pub fn share_series(inventory: &Inventory, packs: &[Pack], as_of: Date, quarters: u32) -> Vec<ShareSeries> {
    let mut out: Vec<ShareSeries> = Vec::new();
    for pack in packs {
        let profile = &pack.regime.profile;
        let caps = || {
            pack.controls
                .iter()
                .filter_map(|c| if let Check::CapShare(cap) = &c.check { Some((c, cap)) } else { None })
        };
        if caps().next().is_none() {
            continue;
        }
        for quarter in 0..=quarters {
            let day = if quarter == 0 { as_of } else { as_of.quarter_start(quarter) };
            let world = if quarter == 0 {
                World::now(inventory, profile, day)
            } else {
                World::projected(inventory, profile, day)
            };
            for (control, cap) in caps() {
                for row in share_rows(cap, &world, &InScope::of(&world, &control.scope)) {
                    let Some(&share) = row.shares.get(&row.measure) else { continue };
                    match out.iter_mut().find(|s| s.control == control.id && s.region == row.region) {
                        Some(series) => series.points.push((day, share)),
                        None => out.push(ShareSeries {
                            control: control.id.clone(),
                            region: row.region,
                            measure: row.measure,
                            cap: row.cap,
                            deadline: control.binding_from().known(),
                            points: vec![(day, share)],
                        }),
                    }
                }
            }
        }
    }
    out
}
