//! Differences of two sequences: anchors that occur once on both sides (patience), and between
//! them the shortest edit script, as long as it is short.

use rustc_hash::FxHashMap;

/// `old[a.0..a.1]` became `new[b.0..b.1]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hunk {
    pub old: (usize, usize),
    pub new: (usize, usize),
}

/// Longest edit script that is looked for between anchors.
const LONGEST: usize = 600;

/// All differences, in order.
pub fn diff(old: &[u64], new: &[u64]) -> Vec<Hunk> {
    let mut equal = Vec::new();
    matches(old, new, 0, 0, &mut equal);
    let mut hunks = Vec::new();
    let (mut a, mut b) = (0, 0);
    for (x, y) in equal.into_iter().chain([(old.len(), new.len())]) {
        if x > a || y > b {
            hunks.push(Hunk { old: (a, x), new: (b, y) });
        }
        (a, b) = (x + 1, y + 1);
    }
    hunks
}

/// Pairs of equal elements, ascending on both sides.
fn matches(old: &[u64], new: &[u64], a: usize, b: usize, out: &mut Vec<(usize, usize)>) {
    let mut todo = vec![(0, old.len(), 0, new.len())];
    while let Some((mut a0, mut a1, mut b0, mut b1)) = todo.pop() {
        while a0 < a1 && b0 < b1 && old[a0] == new[b0] {
            out.push((a + a0, b + b0));
            (a0, b0) = (a0 + 1, b0 + 1);
        }
        while a0 < a1 && b0 < b1 && old[a1 - 1] == new[b1 - 1] {
            (a1, b1) = (a1 - 1, b1 - 1);
            out.push((a + a1, b + b1));
        }
        if a0 == a1 || b0 == b1 {
            continue;
        }
        let anchors = anchors(&old[a0..a1], &new[b0..b1]);
        if anchors.is_empty() {
            shortest(&old[a0..a1], &new[b0..b1], a + a0, b + b0, out);
            continue;
        }
        let (mut x, mut y) = (a0, b0);
        for (i, j) in anchors {
            todo.push((x, a0 + i, y, b0 + j));
            out.push((a + a0 + i, b + b0 + j));
            (x, y) = (a0 + i + 1, b0 + j + 1);
        }
        todo.push((x, a1, y, b1));
    }
    out.sort_unstable();
}

/// Elements that occur once on each side, in the longest common order.
fn anchors(old: &[u64], new: &[u64]) -> Vec<(usize, usize)> {
    let mut seen: FxHashMap<u64, (u32, u32, usize, usize)> = FxHashMap::default();
    for (index, hash) in old.iter().enumerate() {
        let entry = seen.entry(*hash).or_default();
        (entry.0, entry.2) = (entry.0 + 1, index);
    }
    for (index, hash) in new.iter().enumerate() {
        if let Some(entry) = seen.get_mut(hash) {
            (entry.1, entry.3) = (entry.1 + 1, index);
        }
    }
    let mut pairs: Vec<(usize, usize)> =
        seen.values().filter(|entry| entry.0 == 1 && entry.1 == 1).map(|entry| (entry.2, entry.3)).collect();
    pairs.sort_unstable();
    longest_increasing(&pairs)
}

fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let at = tails.partition_point(|tail| pairs[*tail].1 < pair.1);
        before.push(at.checked_sub(1).map(|at| tails[at]));
        match tails.get_mut(at) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut out = Vec::with_capacity(tails.len());
    let mut at = tails.last().copied();
    while let Some(index) = at {
        out.push(pairs[index]);
        at = before[index];
    }
    out.reverse();
    out
}

/// The greedy algorithm of Myers (1986). Gives up, with nothing in common, beyond [`LONGEST`].
fn shortest(old: &[u64], new: &[u64], a: usize, b: usize, out: &mut Vec<(usize, usize)>) {
    let (n, m) = (old.len() as isize, new.len() as isize);
    let most = (n + m).min(LONGEST as isize);
    let mut furthest = vec![0isize; 2 * most as usize + 3];
    let mut trace: Vec<Vec<isize>> = Vec::new();
    let at = |k: isize| (k + most + 1) as usize;
    for d in 0..=most {
        trace.push(furthest[at((-d - 1).max(-most - 1))..=at((d + 1).min(most + 1))].to_vec());
        for k in (-d..=d).step_by(2) {
            let down = k == -d || k != d && furthest[at(k - 1)] < furthest[at(k + 1)];
            let mut x = if down { furthest[at(k + 1)] } else { furthest[at(k - 1)] + 1 };
            while x < n && x - k < m && x - k >= 0 && x >= 0 && old[x as usize] == new[(x - k) as usize] {
                x += 1;
            }
            furthest[at(k)] = x;
            if x >= n && x - k >= m {
                walk_back(&trace, d, most, n, m, a, b, out);
                return;
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn walk_back(
    trace: &[Vec<isize>],
    last: isize,
    most: isize,
    n: isize,
    m: isize,
    a: usize,
    b: usize,
    out: &mut Vec<(usize, usize)>,
) {
    let (mut x, mut y) = (n, m);
    for d in (0..=last).rev() {
        let row = &trace[d as usize];
        let base = (-d - 1).max(-most - 1);
        let get = |k: isize| row.get((k - base) as usize).copied().unwrap_or(0);
        let k = x - y;
        let down = k == -d || k != d && get(k - 1) < get(k + 1);
        let from_k = if down { k + 1 } else { k - 1 };
        let (from_x, from_y) = match d {
            0 => (0, 0),
            _ => (get(from_k), get(from_k) - from_k),
        };
        while x > from_x.max(0) && y > from_y.max(0) {
            (x, y) = (x - 1, y - 1);
            out.push((a + x as usize, b + y as usize));
        }
        (x, y) = (from_x, from_y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(old: &[u64], new: &[u64]) -> Vec<u64> {
        let mut out = Vec::new();
        let mut at = 0;
        for hunk in diff(old, new) {
            out.extend(&old[at..hunk.old.0]);
            out.extend(&new[hunk.new.0..hunk.new.1]);
            at = hunk.old.1;
        }
        out.extend(&old[at..]);
        out
    }

    #[test]
    fn one_becomes_the_other() {
        let mut seed = 7u64;
        let mut next = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        for round in 0..300 {
            let old: Vec<u64> = (0..next(40)).map(|_| next(3 + round % 9)).collect();
            let new: Vec<u64> = (0..next(40)).map(|_| next(3 + round % 9)).collect();
            assert_eq!(apply(&old, &new), new);
        }
    }

    #[test]
    fn a_removed_element_is_one_hunk() {
        assert_eq!(diff(&[1, 2, 3], &[1, 3]), [Hunk { old: (1, 2), new: (1, 1) }]);
        assert_eq!(diff(&[1, 1, 1], &[1, 1, 1]), []);
    }
}
