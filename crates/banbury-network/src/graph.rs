//! Graphs in compressed rows, and the few linear-time questions that controls ask of them.

/// Neighbours of each vertex, in the order of the edges they were made from.
pub struct Graph {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

pub const NONE: u32 = u32::MAX;

impl Graph {
    /// A graph over `vertices` vertices from directed edges. The iterator is walked twice.
    pub fn directed(vertices: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> Graph {
        let mut starts = vec![0u32; vertices + 1];
        for (from, _) in edges.clone() {
            starts[from + 1] += 1;
        }
        for i in 0..vertices {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut ends = vec![0u32; starts[vertices] as usize];
        for (from, to) in edges {
            ends[next[from] as usize] = to as u32;
            next[from] += 1;
        }
        Graph { starts, ends }
    }

    pub fn undirected(vertices: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> Graph {
        Graph::directed(vertices, edges.flat_map(|(a, b)| [(a, b), (b, a)]))
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn neighbours(&self, vertex: usize) -> &[u32] {
        &self.ends[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }

    /// Breadth first from `sources` over vertices that `open` lets pass. Gives for each vertex the
    /// one it was reached from (a source: itself; not reached: [`NONE`]).
    pub fn reach(&self, sources: impl Iterator<Item = usize>, open: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut from = vec![NONE; self.len()];
        let mut queue = Vec::new();
        for source in sources {
            if from[source] == NONE && open(source) {
                from[source] = source as u32;
                queue.push(source as u32);
            }
        }
        let mut head = 0;
        while head < queue.len() {
            let vertex = queue[head];
            head += 1;
            for &next in self.neighbours(vertex as usize) {
                if from[next as usize] == NONE && open(next as usize) {
                    from[next as usize] = vertex;
                    queue.push(next);
                }
            }
        }
        from
    }

    /// For each vertex, what cuts it off from `root`: the vertex nearest to it whose removal does
    /// (`Separated`), nothing (`Doubly`: two paths that share no vertex between the ends), or it is
    /// not connected at all. One depth-first search (Hopcroft and Tarjan 1973), no recursion.
    pub fn separation(&self, root: usize, open: impl Fn(usize) -> bool) -> Vec<Separation> {
        let n = self.len();
        let mut found = vec![0u32; n];
        let mut low = vec![0u32; n];
        let mut parent = vec![NONE; n];
        let mut order: Vec<u32> = Vec::new();
        let mut cursor: Vec<u32> = self.starts[..n].to_vec();
        let mut clock = 1;
        let mut stack = vec![root as u32];
        found[root] = clock;
        low[root] = clock;
        order.push(root as u32);
        while let Some(&vertex) = stack.last() {
            let v = vertex as usize;
            if cursor[v] < self.starts[v + 1] {
                let next = self.ends[cursor[v] as usize];
                cursor[v] += 1;
                let w = next as usize;
                if found[w] == 0 {
                    if open(w) {
                        clock += 1;
                        found[w] = clock;
                        low[w] = clock;
                        parent[w] = vertex;
                        order.push(next);
                        stack.push(next);
                    }
                } else if next != parent[v] {
                    low[v] = low[v].min(found[w]);
                }
            } else {
                stack.pop();
                if let Some(&up) = stack.last() {
                    low[up as usize] = low[up as usize].min(low[v]);
                }
            }
        }
        let mut out = vec![Separation::Unconnected; n];
        out[root] = Separation::Doubly;
        for &vertex in &order[1..] {
            let v = vertex as usize;
            let p = parent[v];
            out[v] = if p as usize != root && low[v] >= found[p as usize] {
                Separation::Separated { by: p }
            } else {
                match out[p as usize] {
                    above @ Separation::Separated { .. } => above,
                    _ => Separation::Doubly,
                }
            };
        }
        out
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Separation {
    Unconnected,
    Separated { by: u32 },
    Doubly,
}

/// The path from `start` back to the source it was reached from.
pub fn path_from(from: &[u32], start: usize) -> Vec<usize> {
    let mut path = vec![start];
    let mut at = start;
    while from[at] != NONE && from[at] as usize != at {
        at = from[at] as usize;
        path.push(at);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Graph, NONE, Separation};

    /// Whether removing any single vertex other than the two cuts them apart; the slow way.
    fn doubly(graph: &Graph, root: usize, vertex: usize) -> bool {
        (0..graph.len())
            .filter(|&cut| cut != root && cut != vertex)
            .all(|cut| graph.reach(std::iter::once(vertex), |v| v != cut)[root] != NONE)
    }

    #[test]
    fn separation_agrees_with_removal() {
        let mut seed = 7u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..400 {
            let n = 3 + random(8) as usize;
            let edges: Vec<(usize, usize)> = (0..random(16))
                .map(|_| (random(n as u64) as usize, random(n as u64) as usize))
                .filter(|(a, b)| a != b)
                .collect();
            let graph = Graph::undirected(n, edges.iter().copied());
            let reached = graph.reach(std::iter::once(0), |_| true);
            for (v, separation) in graph.separation(0, |_| true).into_iter().enumerate().skip(1) {
                match separation {
                    Separation::Unconnected => assert_eq!(reached[v], NONE),
                    Separation::Doubly => {
                        assert!(reached[v] != NONE && doubly(&graph, 0, v), "{edges:?} {v}")
                    }
                    Separation::Separated { by } => {
                        let open = |w: usize| w != by as usize;
                        assert_eq!(graph.reach(std::iter::once(v), open)[0], NONE, "{edges:?} {v}");
                    }
                }
            }
        }
    }
}
