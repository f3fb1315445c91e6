//! What cuts two nodes apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::world::{NameSet, World};

/// The smallest set of nodes, other than the two ends, whose removal cuts a service's ends apart,
/// over active links of any kind between live nodes; none if the ends are neighbours, or if more
/// than `limit` nodes are needed.
///
/// Unit-capacity maximum flow with split vertices (Ford and Fulkerson): one breadth-first search
/// for each unit.
pub fn cut(world: &World<'_>, a: usize, z: usize, limit: usize) -> Option<Vec<usize>> {
    let inventory = world.inventory;
    let mut kinds = NameSet::default();
    inventory.links.iter().for_each(|l| kinds.insert(l.kind.0));
    let edges = crate::rules::link_edges(inventory, &kinds);
    let graph = Graph::undirected(inventory.nodes.len(), edges);
    if a == z || graph.neighbours(a).contains(&(z as u32)) {
        return None;
    }
    // Of each vertex on a path of the flow: the one before and the one after.
    let mut flow: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for _ in 0..=limit {
        match augment(world, &graph, a, z, &mut flow) {
            None => {}
            Some(reached) => {
                let cut = flow
                    .keys()
                    .copied()
                    .filter(|&v| reached.contains(&(v, false)) && !reached.contains(&(v, true)));
                return Some(cut.collect());
            }
        }
    }
    None
}

/// One more unit of flow, or, if there is none, what the residual network reaches: vertices by
/// their in side (false) and out side (true).
fn augment(
    world: &World<'_>,
    graph: &Graph,
    a: usize,
    z: usize,
    flow: &mut BTreeMap<usize, (usize, usize)>,
) -> Option<BTreeSet<(usize, bool)>> {
    let mut from: BTreeMap<(usize, bool), (usize, bool)> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([(a, true)]);
    from.insert((a, true), (a, true));
    let mut found = false;
    while let Some((v, out_side)) = queue.pop_front() {
        let mut steps: Vec<(usize, bool)> = Vec::new();
        if out_side {
            for &next in graph.neighbours(v) {
                let next = next as usize;
                // Links carry any number of paths; nodes carry one.
                if next != a && world.live(next) {
                    steps.push((next, false));
                }
            }
            if flow.contains_key(&v) {
                steps.push((v, false));
            }
        } else if let Some(&(before, _)) = flow.get(&v) {
            // Taken: the only way on is back along the path that takes it.
            if before != a {
                steps.push((before, true));
            }
        } else {
            steps.push((v, true));
        }
        for step in steps {
            if step == (z, false) {
                from.insert(step, (v, out_side));
                found = true;
                queue.clear();
                break;
            }
            from.entry(step).or_insert_with(|| {
                queue.push_back(step);
                (v, out_side)
            });
        }
    }
    if !found {
        return Some(from.into_keys().collect());
    }
    // Edges of the new path; an edge walked backwards leaves the flow.
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (&v, &(before, after)) in flow.iter() {
        edges.insert((before, v));
        edges.insert((v, after));
    }
    let mut at = (z, false);
    while at != (a, true) {
        let before = from[&at];
        if before.0 != at.0 {
            match (before.1, at.1) {
                (true, false) => {
                    edges.insert((before.0, at.0));
                }
                _ => {
                    edges.remove(&(at.0, before.0));
                }
            }
        }
        at = before;
    }
    flow.clear();
    let vertices: BTreeSet<usize> =
        edges.iter().flat_map(|&(x, y)| [x, y]).filter(|&v| v != a && v != z).collect();
    for v in vertices {
        let before = edges.iter().find(|e| e.1 == v).map(|e| e.0);
        let after = edges.range((v, 0)..=(v, usize::MAX)).next().map(|e| e.1);
        if let (Some(before), Some(after)) = (before, after) {
            flow.insert(v, (before, after));
        }
    }
    None
}
