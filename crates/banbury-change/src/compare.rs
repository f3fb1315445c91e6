//! From two releases to a ranked list of edits.

use std::sync::Arc;

use banbury_base::{Digest, StableHasher};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::entries::entries_of;
use crate::findings::{Review, Signs};
use crate::language::Kind;
use crate::lex::{Text, hash_of};
use crate::pairs::{Matched, Pair, pair_up};
use crate::stats::Repeats;
use crate::weights::{Reason, round, sort, table};
use crate::world::World;

/// A file of a release.
#[derive(Clone)]
pub struct File {
    /// Relative to the root of the release, `/`-separated.
    pub path: String,
    pub bytes: Arc<[u8]>,
}

/// A release: all of its files, sorted by path, and what the review says of it, if it was asked.
#[derive(Clone, Default)]
pub struct Release {
    pub files: Vec<File>,
    pub review: Review,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Old,
    New,
}

/// A change to read.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub file: String,
    /// The name before, if it differs.
    pub old_file: Option<String>,
    pub side: Side,
    /// On `side`.
    pub line_start: u32,
    pub line_end: u32,
    /// Lines of the old file that it replaces; none if the second is smaller.
    pub old_lines: (u32, u32),
    pub function: String,
    /// Changed lines that it covers, on both sides.
    pub changed_lines: u32,
    pub weight: f32,
    /// The reason that says what the change is.
    pub class: Option<&'static str>,
    /// What the change is, in a few words.
    pub title: String,
    pub reasons: Vec<Reason>,
    /// Entries with the same number are one edit made in several places.
    pub group: u32,
    /// Survives edits elsewhere; the next comparison knows it again.
    #[serde(serialize_with = "as_text")]
    pub fingerprint: Digest,
}

impl Entry {
    /// Adds a reason of the context.
    fn add(&mut self, name: &'static str, value: f32) {
        let reason = table().context_reason(name, value);
        self.weight = round(self.weight + reason.decibans);
        self.reasons.push(reason);
        sort(&mut self.reasons);
    }
}

fn as_text<S: serde::Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}

/// What became of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub files_equal: u64,
    pub files_changed: u64,
    pub files_added: u64,
    pub files_removed: u64,
    /// Renamed or moved, with or without changes.
    pub files_moved: u64,
    /// Differ in layout and comments alone.
    pub files_cosmetic: u64,
    /// Added and removed, as a line by line comparison counts them.
    pub changed_lines: u64,
    /// Of these in no edit: layout, comments, what moved as a whole.
    pub cosmetic_lines: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    pub totals: Totals,
    /// Heaviest first.
    pub entries: Vec<Entry>,
}

/// Compares two releases.
pub fn compare(old: &Release, new: &Release) -> Comparison {
    let matched = Matched::new(old, new);
    let (old_texts, new_texts) = (matched.texts(old, &matched.old), matched.texts(new, &matched.new));
    let world = World::new(&matched.equal_files(new), &old_texts, &new_texts);
    let mut pairs = pair_up(old, new, &matched, old_texts, new_texts);
    let maps = |forward| crate::pairs::line_maps(old, new, &pairs, forward);
    let appeared = Signs::new(&new.review, &old.review, &maps(true));
    let vanished = Signs::new(&old.review, &new.review, &maps(false));
    pairs.par_iter_mut().for_each(|pair| pair.single_out(&world, &appeared, new));
    let repeats = Repeats::new(&pairs);
    let whole = Whole { old, new, world, repeats, appeared, vanished };
    let mut entries: Vec<Entry> = pairs.par_iter().flat_map_iter(|pair| entries_of(&whole, pair)).collect();
    compare_classes(&mut entries);
    entries.sort_by(|a, b| {
        let place = |entry: &Entry| (entry.file.clone(), entry.line_start, entry.old_lines);
        b.weight.total_cmp(&a.weight).then_with(|| place(a).cmp(&place(b)))
    });
    number(&mut entries);
    let totals = totals(old, new, matched.equal(), &pairs, &entries);
    Comparison { totals, entries }
}

/// All that an edit is judged by, besides its own file.
pub(crate) struct Whole<'a> {
    pub old: &'a Release,
    pub new: &'a Release,
    pub world: World,
    pub repeats: Repeats,
    /// Findings that only the new release has.
    pub appeared: Signs,
    /// Findings that only the old release has.
    pub vanished: Signs,
}

/// What a release does everywhere is less telling where it does it: a class counts less, the more
/// entries are of it.
fn compare_classes(entries: &mut [Entry]) {
    let mut counts: FxHashMap<&str, u32> = FxHashMap::default();
    for class in entries.iter().filter_map(|entry| entry.class) {
        *counts.entry(class).or_default() += 1;
    }
    for entry in entries {
        let count = entry.class.map_or(1, |class| counts[class]);
        entry.add("class.common", (count as f32).log2());
    }
}

/// Groups equal edits, and tells equal fingerprints apart by their order in the release.
fn number(entries: &mut [Entry]) {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|a, b| {
        let place =
            |index: &usize| (&entries[*index].file, entries[*index].line_start, entries[*index].old_lines);
        place(a).cmp(&place(b))
    });
    let mut seen: FxHashMap<Digest, u64> = FxHashMap::default();
    for index in order {
        let print = entries[index].fingerprint;
        let ordinal = seen.entry(print).or_default();
        if *ordinal > 0 {
            entries[index].fingerprint =
                StableHasher::new().u64(print.0 as u64).u64((print.0 >> 64) as u64).u64(*ordinal).finish();
        }
        *ordinal += 1;
    }
    let mut groups: FxHashMap<u32, u32> = FxHashMap::default();
    for entry in entries {
        let next = groups.len() as u32;
        entry.group = *groups.entry(entry.group).or_insert(next);
    }
}

fn totals(old: &Release, new: &Release, equal: usize, pairs: &[Pair<'_>], entries: &[Entry]) -> Totals {
    let mut totals = Totals { files_equal: equal as u64, ..Totals::default() };
    for pair in pairs {
        match (pair.old, pair.new) {
            (None, _) => totals.files_added += 1,
            (_, None) => totals.files_removed += 1,
            (Some(a), Some(b)) if old.files[a].path != new.files[b].path => totals.files_moved += 1,
            _ if pair.edits.is_empty() && pair.after.kind != Kind::Binary => totals.files_cosmetic += 1,
            _ => totals.files_changed += 1,
        }
    }
    totals.changed_lines = pairs.par_iter().map(|pair| changed_lines(&pair.before, &pair.after)).sum();
    let covered: u64 = entries.iter().map(|entry| u64::from(entry.changed_lines)).sum();
    totals.cosmetic_lines = totals.changed_lines.saturating_sub(covered);
    totals
}

fn changed_lines(before: &Text<'_>, after: &Text<'_>) -> u64 {
    if before.kind == Kind::Binary || after.kind == Kind::Binary {
        return 0;
    }
    let lines = |text: &Text<'_>| -> Vec<u64> {
        let mut lines: Vec<u64> = text.source.split(|byte| *byte == b'\n').map(hash_of).collect();
        lines.pop();
        lines
    };
    crate::diff::diff(&lines(before), &lines(after))
        .iter()
        .map(|hunk| (hunk.old.1 - hunk.old.0 + hunk.new.1 - hunk.new.0) as u64)
        .sum()
}
