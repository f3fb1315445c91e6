//! Whether the links that are left can carry the disrupted services all at once.

use super::services::ends;
use crate::inventory::Inventory;
use crate::world::{NameSet, World};

/// Free capacity of the links without the hostile equipment. Services that keep a recorded path
/// have theirs reserved on it; others are placed one after another and keep what they got.
pub(super) struct Spare {
    /// Neighbours of node `n` are at `start[n]..start[n + 1]`.
    start: Vec<u32>,
    /// Neighbour and link.
    next: Vec<(u32, u32)>,
    /// By link [Gbit/s].
    free: Vec<f64>,
    ends: Vec<Option<(usize, usize)>>,
    search: Search,
}

/// Marks of one search after another; `stamp` tells them apart.
struct Search {
    stamp: u32,
    /// Search that reached the node, and the neighbour and link it was reached from; from either end.
    seen: [Vec<(u32, u32, u32)>; 2],
    /// Links that may still be looked at, in all searches.
    budget: u64,
}

/// Looking at this many links takes about a tenth of a second.
const BUDGET: u64 = 20_000_000;

impl Spare {
    /// `kept` names, for each service, one of its recorded paths that is free of hostile equipment.
    pub fn new(world: &World<'_>, bad: &[bool], not_carrying: &NameSet, kept: &[Option<u32>]) -> Spare {
        let inventory = world.inventory;
        let active = NameSet::of(inventory, ["active"].into_iter());
        let count = inventory.nodes.len();
        let open = |n: usize| world.live(n) && !bad[n];
        let mut free = vec![0.0; inventory.links.len()];
        let mut edges = Vec::new();
        for (link, row) in inventory.links.iter().enumerate() {
            let (Some(a), Some(b), Some(capacity)) = (row.a.row(), row.b.row(), row.capacity.known()) else {
                continue;
            };
            if a != b
                && open(a)
                && open(b)
                && active.contains(row.status.0)
                && !not_carrying.contains(row.kind.0)
            {
                free[link] = capacity;
                edges.push((a as u32, b as u32, link as u32));
            }
        }
        let (start, next) = adjacency(count, &edges);
        let search =
            Search { stamp: 0, seen: [vec![(0, 0, 0); count], vec![(0, 0, 0); count]], budget: BUDGET };
        let mut spare = Spare { start, next, free, ends: ends(inventory), search };
        spare.reserve(inventory, kept);
        spare
    }

    /// Takes from the links what the services that keep a path use of them.
    fn reserve(&mut self, inventory: &Inventory, kept: &[Option<u32>]) {
        let mut hops: Vec<(u32, u32, u32)> = Vec::new();
        for hop in inventory.service_paths.iter() {
            if let (Some(service), Some(node), Some(seq)) =
                (hop.service.row(), hop.node.row(), hop.seq.known())
                && kept[service] == Some(hop.path.0.0)
                && inventory.services[service].capacity.known().is_some()
            {
                hops.push((service as u32, seq, node as u32));
            }
        }
        hops.sort_unstable();
        for pair in hops.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let sold = inventory.services[pair[0].0 as usize].capacity.known().unwrap_or(0.0);
            // Of parallel links the one with most room.
            let between = self.neighbours(pair[0].2).iter().filter(|n| n.0 == pair[1].2).map(|n| n.1);
            let widest = between.max_by(|x, y| self.free[*x as usize].total_cmp(&self.free[*y as usize]));
            if let Some(link) = widest {
                self.free[link as usize] -= sold;
            }
        }
    }

    fn neighbours(&self, node: u32) -> &[(u32, u32)] {
        &self.next[self.start[node as usize] as usize..self.start[node as usize + 1] as usize]
    }

    /// Routes a service over the fewest links that have room for what was sold, and takes the room.
    /// Nothing if its ends are not recorded, or if the search was given up for time.
    pub fn place(&mut self, service: usize, sold: f64) -> Option<bool> {
        let (a, z) = self.ends[service]?;
        if a == z {
            return Some(true);
        }
        let route = match self.route(a as u32, z as u32, sold) {
            Found::Route(links) => links,
            Found::None => return Some(false),
            Found::GivenUp => return None,
        };
        route.into_iter().for_each(|link| self.free[link as usize] -= sold);
        Some(true)
    }

    /// Breadth first from both ends, the smaller front first.
    fn route(&mut self, a: u32, z: u32, sold: f64) -> Found {
        self.search.stamp += 1;
        let stamp = self.search.stamp;
        let mut fronts = [vec![a], vec![z]];
        self.search.seen[0][a as usize] = (stamp, a, u32::MAX);
        self.search.seen[1][z as usize] = (stamp, z, u32::MAX);
        while !fronts[0].is_empty() && !fronts[1].is_empty() {
            let side = usize::from(fronts[1].len() < fronts[0].len());
            let mut reached = Vec::new();
            for &node in &fronts[side] {
                let range = self.start[node as usize] as usize..self.start[node as usize + 1] as usize;
                let Some(budget) = self.search.budget.checked_sub(range.len() as u64) else {
                    return Found::GivenUp;
                };
                self.search.budget = budget;
                for &(next, link) in &self.next[range] {
                    if self.free[link as usize] < sold || self.search.seen[side][next as usize].0 == stamp {
                        continue;
                    }
                    self.search.seen[side][next as usize] = (stamp, node, link);
                    if self.search.seen[1 - side][next as usize].0 == stamp {
                        return Found::Route(self.links_through(next));
                    }
                    reached.push(next);
                }
            }
            fronts[side] = reached;
        }
        Found::None
    }

    /// Links from a node that both searches reached to the two ends.
    fn links_through(&self, meeting: u32) -> Vec<u32> {
        let mut links = Vec::new();
        for seen in &self.search.seen {
            let mut at = meeting;
            while seen[at as usize].2 != u32::MAX {
                links.push(seen[at as usize].2);
                at = seen[at as usize].1;
            }
        }
        links
    }
}

enum Found {
    Route(Vec<u32>),
    None,
    GivenUp,
}

/// Neighbours of every node, one node after the other.
fn adjacency(count: usize, edges: &[(u32, u32, u32)]) -> (Vec<u32>, Vec<(u32, u32)>) {
    let mut start = vec![0u32; count + 2];
    for &(a, b, _) in edges {
        start[a as usize + 2] += 1;
        start[b as usize + 2] += 1;
    }
    for n in 2..start.len() {
        start[n] += start[n - 1];
    }
    let mut next = vec![(0, 0); edges.len() * 2];
    for &(a, b, link) in edges {
        for (from, to) in [(a, b), (b, a)] {
            let at = &mut start[from as usize + 1];
            next[*at as usize] = (to, link);
            *at += 1;
        }
    }
    start.pop();
    (start, next)
}
