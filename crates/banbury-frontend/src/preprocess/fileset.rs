//! Sets of headers, by dense header number.

/// A small set is a sorted list, a large one a bitmap: closures of a kernel's files hold
/// thousands of headers, those of most other trees a few dozen.
#[derive(Clone, Debug)]
pub(super) enum FileSet {
    Sparse(Box<[u32]>),
    Dense(Bits),
}

/// A bitmap over `0..n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn new(len: usize) -> Bits {
        Bits { words: vec![0; len.div_ceil(64)] }
    }

    /// Out of range reads as absent.
    pub(super) fn contains(&self, index: u32) -> bool {
        self.words.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// True if `index` is new. Out of range is ignored.
    pub(super) fn insert(&mut self, index: u32) -> bool {
        let Some(word) = self.words.get_mut(index as usize / 64) else { return false };
        let bit = 1u64 << (index % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Like [`Bits::insert`], growing as needed.
    pub(super) fn insert_growing(&mut self, index: usize) {
        if self.words.len() <= index / 64 {
            self.words.resize(index / 64 * 2 + 1, 0);
        }
        self.words[index / 64] |= 1 << (index % 64);
    }

    pub(super) fn union(&mut self, set: &FileSet) {
        match set {
            FileSet::Sparse(list) => {
                for &index in list {
                    self.insert(index);
                }
            }
            FileSet::Dense(bits) => {
                for (to, from) in self.words.iter_mut().zip(&bits.words) {
                    *to |= from;
                }
            }
        }
    }

    pub(super) fn union_bits(&mut self, other: &Bits) {
        for (to, from) in self.words.iter_mut().zip(&other.words) {
            *to |= from;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| at as u32 * 64 + w.trailing_zeros())
        })
    }

    /// The smaller form.
    pub(super) fn to_set(&self) -> FileSet {
        let count: usize = self.words.iter().map(|w| w.count_ones() as usize).sum();
        if count * 4 < self.words.len() * 8 {
            FileSet::Sparse(self.iter().collect())
        } else {
            FileSet::Dense(self.clone())
        }
    }
}

impl FileSet {
    pub(super) fn contains(&self, index: u32) -> bool {
        match self {
            FileSet::Sparse(list) => list.binary_search(&index).is_ok(),
            FileSet::Dense(bits) => bits.contains(index),
        }
    }
}

/// Strongly connected components of a graph, each after all those that it points to, by
/// Tarjan's algorithm without recursion.
pub(super) fn components(edges: &[Vec<u32>]) -> Vec<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let n = edges.len();
    let (mut index, mut low) = (vec![UNSEEN; n], vec![0u32; n]);
    let mut on_stack = vec![false; n];
    let (mut stack, mut out) = (Vec::new(), Vec::new());
    let mut next = 0;
    let mut calls: Vec<(u32, usize)> = Vec::new();
    for root in 0..n as u32 {
        if index[root as usize] != UNSEEN {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, edge)) = calls.pop() {
            let at = node as usize;
            if edge == 0 {
                index[at] = next;
                low[at] = next;
                next += 1;
                stack.push(node);
                on_stack[at] = true;
            } else {
                let child = edges[at][edge - 1] as usize;
                low[at] = low[at].min(low[child]);
            }
            let unseen = (edge..edges[at].len()).find(|&e| {
                let child = edges[at][e] as usize;
                if index[child] != UNSEEN && on_stack[child] {
                    low[at] = low[at].min(index[child]);
                }
                index[child] == UNSEEN
            });
            if let Some(e) = unseen {
                calls.push((node, e + 1));
                calls.push((edges[at][e], 0));
            } else if low[at] == index[at] {
                out.push(pop_component(&mut stack, &mut on_stack, node));
            }
        }
    }
    out
}

fn pop_component(stack: &mut Vec<u32>, on_stack: &mut [bool], root: u32) -> Vec<u32> {
    let mut component = Vec::new();
    while let Some(member) = stack.pop() {
        on_stack[member as usize] = false;
        component.push(member);
        if member == root {
            break;
        }
    }
    // Members in the order in which the search finished them, dependencies mostly first.
    component
}

#[cfg(test)]
mod tests {
    use super::{Bits, components};

    #[test]
    fn components_come_after_what_they_need() {
        let edges = vec![vec![1], vec![2], vec![1, 3], vec![]];
        assert_eq!(components(&edges), vec![vec![3], vec![2, 1], vec![0]]);
    }

    #[test]
    fn bits_iterate_in_order() {
        let mut bits = Bits::new(200);
        for i in [3, 64, 65, 199] {
            assert!(bits.insert(i));
        }
        assert!(!bits.insert(3));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [3, 64, 65, 199]);
        assert!(bits.to_set().contains(64) && !bits.to_set().contains(66));
    }
}
