//! From two versions of a file to edits: one statement changed, or a run removed or added.

use rustc_hash::FxHashMap;

use crate::diff::{Hunk, diff};
use crate::lex::{Statement, Text, TokenKind};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Removed,
    Added,
    Changed,
}

/// Statements of the old and the new text; one of them is empty unless `Changed`.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    pub action: Action,
    pub old: (usize, usize),
    pub new: (usize, usize),
    /// The hunk it is part of, by its number in the file.
    pub hunk: u32,
}

/// Longest run that stays one edit.
const RUN: usize = 10;

/// Largest hunk (old times new statements) whose statements are paired off by their likeness.
const PAIRED: usize = 60_000;

pub fn hunks(old: &Text<'_>, new: &Text<'_>) -> Vec<Hunk> {
    let hashes = |text: &Text<'_>| text.statements.iter().map(|s| s.hash).collect::<Vec<u64>>();
    let (a, b) = (hashes(old), hashes(new));
    let mut hunks = diff(&a, &b);
    for hunk in &mut hunks {
        settle(hunk, old, new, &a, &b);
    }
    hunks
}

/// A run that was only added or removed can often be placed in several ways; the one that begins
/// a block and closes what it opens is what was meant.
fn settle(hunk: &mut Hunk, old: &Text<'_>, new: &Text<'_>, a: &[u64], b: &[u64]) {
    let (range, hashes, text) = match (hunk.old.0 == hunk.old.1, hunk.new.0 == hunk.new.1) {
        (true, false) => (hunk.new, b, new),
        (false, true) => (hunk.old, a, old),
        _ => return,
    };
    let score = |start: usize, end: usize| {
        let first = text.statements[start].depth;
        let run = &text.statements[start..end];
        let closes = text.statements.get(end).is_none_or(|next| next.depth == first);
        let inside = run.iter().all(|statement| statement.depth >= first);
        let starts_brace = matches!(text.word(&text.of(&run[0])[0]), "}" | "{");
        u8::from(closes) + u8::from(inside) + u8::from(!starts_brace)
    };
    let length = range.1 - range.0;
    let mut best = (score(range.0, range.1), 0isize);
    let limit = length.min(40) as isize;
    for direction in [-1isize, 1] {
        let mut shift = 0;
        while (shift as isize) < limit {
            let (out, into) = match direction {
                -1 => match range.0.checked_sub(shift + 1) {
                    Some(before) => (before, range.1 - shift - 1),
                    None => break,
                },
                _ => (range.1 + shift, range.0 + shift),
            };
            let (other_old, other_new) = (hunk.old.0 as isize, hunk.new.0 as isize);
            let moved = direction * (shift as isize + 1);
            let low = other_old.min(other_new) + moved;
            if low < 0 || hashes.get(out) != hashes.get(into) || hashes.get(out).is_none() {
                break;
            }
            shift += 1;
            let start = (range.0 as isize + moved) as usize;
            let end = (range.1 as isize + moved) as usize;
            if end > hashes.len() {
                break;
            }
            let score = score(start, end);
            if score > best.0 {
                best = (score, moved);
            }
        }
    }
    let by =
        |pair: (usize, usize)| ((pair.0 as isize + best.1) as usize, (pair.1 as isize + best.1) as usize);
    (hunk.old, hunk.new) = (by(hunk.old), by(hunk.new));
}

/// The edits of two versions.
pub fn edits(old: &Text<'_>, new: &Text<'_>, hunks: &[Hunk]) -> Vec<Edit> {
    let mut out = Vec::new();
    for (number, hunk) in hunks.iter().enumerate() {
        let pairs = pair_off(old, new, hunk);
        let (mut a, mut b) = (hunk.old.0, hunk.new.0);
        for (x, y) in pairs.into_iter().chain([(hunk.old.1, hunk.new.1)]) {
            run(&mut out, number, Action::Removed, old, (a, x), b);
            run(&mut out, number, Action::Added, new, (b, y), x);
            if x < hunk.old.1 && old.statements[x].hash != new.statements[y].hash {
                let hunk = number as u32;
                out.push(Edit { action: Action::Changed, old: (x, x + 1), new: (y, y + 1), hunk });
            }
            (a, b) = (x + 1, y + 1);
        }
    }
    out
}

/// Cuts a run where functions begin and where it gets long, at the shallowest place.
fn run(
    out: &mut Vec<Edit>,
    hunk: usize,
    action: Action,
    text: &Text<'_>,
    range: (usize, usize),
    other: usize,
) {
    let mut start = range.0;
    while start < range.1 {
        let function = text.statements[start].function;
        let same = (start..range.1).take_while(|at| text.statements[*at].function == function).count();
        let mut end = start + same;
        if end - start > RUN {
            let places = start + RUN / 2..start + RUN;
            end = places.min_by_key(|at| text.statements[*at].depth).unwrap_or(start + RUN);
        }
        let is_trivial = (start..end).all(|at| is_brace(text, &text.statements[at]));
        if !is_trivial {
            let (old, new) = match action {
                Action::Removed => ((start, end), (other, other)),
                _ => ((other, other), (start, end)),
            };
            out.push(Edit { action, old, new, hunk: hunk as u32 });
        }
        start = end;
    }
}

fn is_brace(text: &Text<'_>, statement: &Statement) -> bool {
    statement.end - statement.first == 1 && text.tokens[statement.first as usize].kind == TokenKind::Sign
}

/// Pairs statements of a hunk that are versions of each other, ascending on both sides.
fn pair_off(old: &Text<'_>, new: &Text<'_>, hunk: &Hunk) -> Vec<(usize, usize)> {
    let (n, m) = (hunk.old.1 - hunk.old.0, hunk.new.1 - hunk.new.0);
    if n == 0 || m == 0 || n * m > PAIRED {
        return Vec::new();
    }
    // Gain of the best pairing of the first i old and j new statements.
    let mut gain = vec![0f32; (n + 1) * (m + 1)];
    let at = |i: usize, j: usize| i * (m + 1) + j;
    let bags: Vec<_> = (hunk.new.0..hunk.new.1).map(|j| Bag::new(new, &new.statements[j])).collect();
    let mut like = vec![0f32; n * m];
    for i in 0..n {
        let bag = Bag::new(old, &old.statements[hunk.old.0 + i]);
        for j in 0..m {
            like[i * m + j] = bag.likeness(&bags[j]) - 0.5;
            let paired = gain[at(i, j)] + like[i * m + j];
            gain[at(i + 1, j + 1)] = paired.max(gain[at(i, j + 1)]).max(gain[at(i + 1, j)]);
        }
    }
    let (mut i, mut j) = (n, m);
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let here = gain[at(i, j)];
        if here == gain[at(i - 1, j)] {
            i -= 1;
        } else if here == gain[at(i, j - 1)] {
            j -= 1;
        } else {
            (i, j) = (i - 1, j - 1);
            pairs.push((hunk.old.0 + i, hunk.new.0 + j));
        }
    }
    pairs.reverse();
    pairs
}

/// The tokens of a statement, sorted; signs count less than words.
struct Bag {
    tokens: Vec<(u64, f32)>,
    weight: f32,
    head: u64,
    /// The last word: what a declaration declares.
    name: Option<u64>,
    hash: u64,
    brace: bool,
}

impl Bag {
    fn new(text: &Text<'_>, statement: &Statement) -> Bag {
        let weigh = |kind: TokenKind| if kind == TokenKind::Sign { 0.3 } else { 1.0 };
        let mut tokens: Vec<(u64, f32)> =
            text.of(statement).iter().map(|token| (token.hash, weigh(token.kind))).collect();
        tokens.sort_unstable_by_key(|token| token.0);
        let weight = tokens.iter().map(|token| token.1).sum();
        let head = text.of(statement).first().map_or(0, |token| token.hash);
        let last = text.of(statement).iter().rfind(|token| token.kind == TokenKind::Word);
        let name = last.map(|token| token.hash);
        Bag { tokens, weight, head, name, hash: statement.hash, brace: is_brace(text, statement) }
    }

    /// 0 for nothing in common, 1 for equal.
    fn likeness(&self, other: &Bag) -> f32 {
        if self.brace || other.brace {
            // Equal braces follow what stands before them.
            return if self.hash == other.hash { 0.52 } else { 0.0 };
        }
        let (mut i, mut j, mut common) = (0, 0, 0.0);
        while i < self.tokens.len() && j < other.tokens.len() {
            match self.tokens[i].0.cmp(&other.tokens[j].0) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    common += self.tokens[i].1;
                    (i, j) = (i + 1, j + 1);
                }
            }
        }
        let dice = 2.0 * common / (self.weight + other.weight).max(0.1);
        let same_end =
            self.head == other.head || self.name == other.name && self.tokens.len() == other.tokens.len();
        if same_end { dice.min(1.0) } else { dice * 0.85 }
    }
}

/// Files of the old release that became files of the new one: by path, by content, by likeness.
pub fn align(old: &[Aligned<'_>], new: &[Aligned<'_>]) -> Vec<(Option<usize>, Option<usize>)> {
    let by_path: FxHashMap<&str, usize> = old.iter().enumerate().map(|(i, file)| (file.path, i)).collect();
    let mut of_new: Vec<Option<usize>> = new.iter().map(|file| by_path.get(file.path).copied()).collect();
    let mut used = vec![false; old.len()];
    of_new.iter().flatten().for_each(|index| used[*index] = true);
    same_content(old, new, &mut of_new, &mut used);
    similar(old, new, &mut of_new, &mut used);
    let mut out: Vec<(Option<usize>, Option<usize>)> =
        of_new.into_iter().enumerate().map(|(index, from)| (from, Some(index))).collect();
    out.extend(used.iter().enumerate().filter(|(_, used)| !**used).map(|(index, _)| (Some(index), None)));
    out
}

/// What files are aligned by.
pub struct Aligned<'a> {
    pub path: &'a str,
    pub digest: u64,
    /// Hashes of the longer statements, sorted, each once.
    pub statements: Vec<u64>,
}

fn same_content(old: &[Aligned<'_>], new: &[Aligned<'_>], of_new: &mut [Option<usize>], used: &mut [bool]) {
    let mut by_digest: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (index, file) in old.iter().enumerate().rev().filter(|(index, _)| !used[*index]) {
        by_digest.entry(file.digest).or_default().push(index);
    }
    for (index, file) in new.iter().enumerate() {
        if of_new[index].is_none() {
            if let Some(from) = by_digest.get_mut(&file.digest).and_then(Vec::pop) {
                (of_new[index], used[from]) = (Some(from), true);
            }
        }
    }
}

/// At least half of the statements of the shorter file in common, best first.
fn similar(old: &[Aligned<'_>], new: &[Aligned<'_>], of_new: &mut [Option<usize>], used: &mut [bool]) {
    let mut holders: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
    for (index, file) in old.iter().enumerate().filter(|(index, _)| !used[*index]) {
        for hash in &file.statements {
            holders.entry(*hash).or_default().push(index as u32);
        }
    }
    let mut candidates: Vec<(u32, usize, usize)> = Vec::new();
    for (index, file) in new.iter().enumerate().filter(|(index, _)| of_new[*index].is_none()) {
        let mut common: FxHashMap<u32, u32> = FxHashMap::default();
        for hash in &file.statements {
            // What many files hold says little.
            for holder in holders.get(hash).into_iter().flatten().take(8) {
                *common.entry(*holder).or_default() += 1;
            }
        }
        for (from, count) in common {
            let longer = old[from as usize].statements.len().max(file.statements.len()) as u32;
            if count * 2 >= longer && count >= 4 {
                candidates.push((count * 1000 / longer.max(1), from as usize, index));
            }
        }
    }
    candidates.sort_unstable_by_key(|&(score, from, to)| (std::cmp::Reverse(score), from, to));
    for (_, from, to) in candidates {
        if !used[from] && of_new[to].is_none() {
            (of_new[to], used[from]) = (Some(from), true);
        }
    }
}
