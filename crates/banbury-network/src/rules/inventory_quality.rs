//! What an inventory must say at all.

use serde::{Deserialize, Serialize};

use super::{InScope, Outcome, RoleSet};
use crate::inventory::TableId;
use crate::verdict::Evidence;
use crate::world::World;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    #[serde(default)]
    pub roles: RoleSet,
    /// Columns of `nodes`.
    pub columns: Vec<String>,
}

impl Recorded {
    pub(super) fn validate(&self) -> Result<(), String> {
        let known = TableId::nodes.columns();
        match self.columns.iter().find(|c| !known.iter().any(|k| k.name == **c)) {
            Some(column) => Err(format!("the table `nodes` has no column `{column}`")),
            None => Ok(()),
        }
    }

    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        let columns: Vec<usize> = self
            .columns
            .iter()
            .filter_map(|name| TableId::nodes.columns().iter().position(|c| c.name == name))
            .collect();
        let mut text = String::new();
        for (node, row) in inventory.nodes.iter().enumerate() {
            if !world.live(node) || !roles.contains(row.role.0) || !scope.node(world, node) {
                continue;
            }
            out.subjects += 1;
            let empty: Vec<&str> = columns
                .iter()
                .filter(|&&column| {
                    text.clear();
                    inventory.write_cell(TableId::nodes, node, column, &mut text);
                    text.trim().is_empty()
                })
                .map(|&column| TableId::nodes.columns()[column].name)
                .collect();
            if !empty.is_empty() {
                let mut evidence = Evidence::default();
                evidence.step(format!("{} has no value for {}", inventory.node_id(node), empty.join(", ")));
                out.node(world, node, evidence);
            }
        }
    }
}
