//! How a release is written: which words occur, how usual a sequence of tokens is, and how often
//! the same edit was made.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::context::{Signatures, difference, signatures};
use crate::edits::Action;
use crate::lex::{Text, TokenKind, hash_of};
use crate::pairs::Pair;

const SLOTS: usize = 1 << 22;

/// Counts of sequences of one, two and three tokens, by hash; collisions only blur.
pub struct Grams {
    counts: Vec<AtomicU32>,
    total: AtomicU32,
}

impl Default for Grams {
    fn default() -> Self {
        Grams { counts: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(), total: AtomicU32::new(0) }
    }
}

fn slot(order: u64, a: u64, b: u64, c: u64) -> usize {
    let mix = |x: u64, y: u64| (x ^ y).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    let hash = mix(mix(mix(order, a), b), c);
    (hash >> 20) as usize & (SLOTS - 1)
}

impl Grams {
    fn add(&self, at: usize) {
        self.counts[at].fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self, at: usize) -> f32 {
        self.counts[at].load(Ordering::Relaxed) as f32
    }

    /// Learns a text. The order of texts does not matter.
    pub fn learn(&self, text: &Text<'_>) {
        let (mut a, mut b) = (0, 0);
        for token in &text.tokens {
            let c = token.hash;
            self.add(slot(1, 0, 0, c));
            self.add(slot(2, 0, b, c));
            self.add(slot(3, a, b, c));
            (a, b) = (b, c);
        }
        self.total.fetch_add(text.tokens.len() as u32, Ordering::Relaxed);
    }

    /// How often a token occurs, about.
    pub fn occurrences(&self, hash: u64) -> f32 {
        self.get(slot(1, 0, 0, hash))
    }

    /// Bits of surprise at each token of the range, after what stands before it.
    pub fn surprise(&self, text: &Text<'_>, first: usize, end: usize) -> Vec<f32> {
        let total = self.total.load(Ordering::Relaxed).max(1) as f32;
        let hash = |at: Option<usize>| at.map_or(0, |at| text.tokens[at].hash);
        (first..end)
            .map(|at| {
                let (a, b, c) = (hash(at.checked_sub(2)), hash(at.checked_sub(1)), text.tokens[at].hash);
                let one = (self.get(slot(1, 0, 0, c)) + 0.1) / total;
                let two = (self.get(slot(2, 0, b, c)) + 2.0 * one) / (self.get(slot(1, 0, 0, b)) + 2.0);
                let three = (self.get(slot(3, a, b, c)) + 2.0 * two) / (self.get(slot(2, 0, a, b)) + 2.0);
                -three.clamp(1e-9, 1.0).log2()
            })
            .collect()
    }
}

/// Words and other tokens that occur at all.
#[derive(Clone, Default)]
pub struct Vocabulary {
    tokens: FxHashSet<u64>,
}

impl Vocabulary {
    pub fn of(text: &Text<'_>) -> Vocabulary {
        let tokens = text.tokens.iter().filter(|token| token.kind != TokenKind::Sign);
        Vocabulary { tokens: tokens.map(|token| token.hash).collect() }
    }

    pub fn merge(mut self, other: Vocabulary) -> Vocabulary {
        match self.tokens.len() >= other.tokens.len() {
            true => {
                self.tokens.extend(other.tokens);
                self
            }
            false => other.merge(self),
        }
    }

    pub fn has(&self, hash: u64) -> bool {
        self.tokens.contains(&hash)
    }
}

/// How often each statement was added and removed, and each edit made.
#[derive(Default)]
pub struct Repeats {
    pub added: FxHashMap<u64, u32>,
    pub removed: FxHashMap<u64, u32>,
    pub exact: FxHashMap<u64, u32>,
    pub shape: FxHashMap<u64, u32>,
    pub form: FxHashMap<u64, u32>,
    /// How often each word was among what changed.
    pub words: FxHashMap<u64, u32>,
    /// Function and statement: 1 removed, 2 added, 3 both.
    pub within: FxHashMap<u64, u8>,
}

impl Repeats {
    pub fn new(pairs: &[Pair<'_>]) -> Repeats {
        let signed: Vec<Vec<Signatures>> = pairs
            .par_iter()
            .map(|pair| pair.edits.iter().map(|edit| signatures(&pair.before, &pair.after, edit)).collect())
            .collect();
        let mut repeats = Repeats::default();
        for (pair, signed) in pairs.iter().zip(signed) {
            for own in signed {
                *repeats.exact.entry(own.exact).or_default() += 1;
                *repeats.shape.entry(own.shape).or_default() += 1;
                *repeats.form.entry(own.form).or_default() += 1;
            }
            for edit in &pair.edits {
                let (removed, added) = difference(&pair.before, &pair.after, edit);
                let mut words: Vec<u64> = removed.iter().chain(&added).map(|token| token.hash).collect();
                words.sort_unstable();
                words.dedup();
                for word in words {
                    *repeats.words.entry(word).or_default() += 1;
                }
                let (text, range, map) = match edit.action {
                    Action::Removed => (&pair.before, edit.old, &mut repeats.removed),
                    Action::Added => (&pair.after, edit.new, &mut repeats.added),
                    Action::Changed => continue,
                };
                let side = if edit.action == Action::Removed { 1 } else { 2 };
                for statement in &text.statements[range.0..range.1] {
                    *map.entry(statement.hash).or_default() += 1;
                    let function = hash_of(text.function_name(statement).as_bytes());
                    *repeats.within.entry(function ^ statement.hash).or_default() |= side;
                }
            }
        }
        repeats
    }
}

/// How often each form of a statement occurs, by hash; collisions only blur.
pub struct Forms {
    counts: Vec<AtomicU32>,
}

impl Default for Forms {
    fn default() -> Self {
        Forms { counts: (0..FORM_SLOTS).map(|_| AtomicU32::new(0)).collect() }
    }
}

const FORM_SLOTS: usize = 1 << 21;

impl Forms {
    pub fn learn(&self, text: &Text<'_>, times: u32) {
        for statement in &text.statements {
            self.counts[form(text, statement) as usize & (FORM_SLOTS - 1)]
                .fetch_add(times, Ordering::Relaxed);
        }
    }

    pub fn count(&self, form: u64) -> u32 {
        self.counts[form as usize & (FORM_SLOTS - 1)].load(Ordering::Relaxed)
    }
}

/// What is left of a statement without the names of its variables.
pub fn form(text: &Text<'_>, statement: &crate::lex::Statement) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    let tokens = text.of(statement);
    for (at, token) in tokens.iter().enumerate() {
        let kept = match token.kind {
            TokenKind::Sign | TokenKind::Number => true,
            TokenKind::Text => false,
            TokenKind::Word => {
                let word = text.word(token);
                tokens.get(at + 1).is_some_and(|next| text.word(next) == "(")
                    || at == 0
                    || word.bytes().all(|byte| !byte.is_ascii_lowercase())
                    || matches!(word, "sizeof" | "nil" | "true" | "false")
                    || tokens
                        .get(at.wrapping_sub(1))
                        .is_some_and(|before| matches!(text.word(before), "->" | "."))
            }
        };
        std::hash::Hasher::write_u64(&mut hasher, if kept { token.hash } else { token.kind as u64 });
    }
    let hash = std::hash::Hasher::finish(&hasher);
    hash ^ (hash >> 31)
}

/// How the code base treats the results of each callee.
#[derive(Default)]
pub struct Habits {
    /// Calls, and those whose result is used.
    calls: FxHashMap<u64, (u32, u32)>,
    /// Assignments of the result, and those tested soon after.
    kept: FxHashMap<u64, (u32, u32)>,
}

/// Fewer calls say nothing of a habit.
const FEWEST: u32 = 5;

impl Habits {
    pub fn of(text: &Text<'_>) -> Habits {
        let mut habits = Habits::default();
        if !text.kind.is_code() {
            return habits;
        }
        for at in 0..text.statements.len() {
            habits.add(text, at);
        }
        habits
    }

    fn add(&mut self, text: &Text<'_>, at: usize) {
        use crate::features::{Role, role};
        let statement = &text.statements[at];
        if statement.function == crate::lex::NO_FUNCTION {
            return;
        }
        let tokens = text.of(statement);
        let role = role(text, statement);
        for (index, pair) in tokens.windows(2).enumerate() {
            if pair[0].kind == TokenKind::Word && text.word(&pair[1]) == "(" {
                let used = !(role == Role::Call && index == 0);
                let entry = self.calls.entry(pair[0].hash).or_default();
                *entry = (entry.0 + 1, entry.1 + u32::from(used));
            }
        }
        if matches!(role, Role::Assignment | Role::Declaration) {
            let Some(equal) = tokens.iter().position(|token| matches!(text.word(token), "=" | ":=")) else {
                return;
            };
            let target = tokens[..equal].iter().rev().find(|token| token.kind == TokenKind::Word);
            let call = tokens[equal + 1..]
                .windows(2)
                .find(|pair| pair[0].kind == TokenKind::Word && text.word(&pair[1]) == "(");
            if let (Some(target), Some(call)) = (target, call) {
                let tested = crate::suspects::tests_soon(text, at, text.word(target));
                let entry = self.kept.entry(call[0].hash).or_default();
                *entry = (entry.0 + 1, entry.1 + u32::from(tested));
            }
        }
    }

    pub fn merge(mut self, other: Habits) -> Habits {
        if self.calls.len() + self.kept.len() < other.calls.len() + other.kept.len() {
            return other.merge(self);
        }
        for (own, more) in [(&mut self.calls, other.calls), (&mut self.kept, other.kept)] {
            for (callee, (all, some)) in more {
                let entry = own.entry(callee).or_default();
                *entry = (entry.0 + all, entry.1 + some);
            }
        }
        self
    }

    /// Share of calls whose result is used.
    pub fn used(&self, callee: u64) -> Option<f32> {
        share(self.calls.get(&callee))
    }

    /// Share of kept results that are tested soon.
    pub fn tested(&self, callee: u64) -> Option<f32> {
        share(self.kept.get(&callee))
    }
}

fn share(counts: Option<&(u32, u32)>) -> Option<f32> {
    counts.filter(|(all, _)| *all >= FEWEST).map(|(all, some)| *some as f32 / *all as f32)
}
