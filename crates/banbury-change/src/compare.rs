//! From two releases to a ranked list of edits.

use std::sync::Arc;

use banbury_base::{Digest, StableHasher};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::context::{Crowd, World, signatures, surroundings};
use crate::diff::Hunk;
use crate::edits::{Action, Edit, align, edits, hunks};
use crate::features::{Features, Reading};
use crate::language::{Kind, kind};
use crate::lex::{Text, hash_of};
use crate::names::Lexicon;
use crate::stats::{Forms, Grams, Habits, Repeats, Vocabulary};
use crate::weights::{Reason, table};

/// A file of a release.
#[derive(Clone)]
pub struct File {
    /// Relative to the root of the release, `/`-separated.
    pub path: String,
    pub bytes: Arc<[u8]>,
}

/// A release: all of its files, sorted by path.
#[derive(Clone, Default)]
pub struct Release {
    pub files: Vec<File>,
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
    /// What the change is, in a few words.
    pub title: String,
    pub reasons: Vec<Reason>,
    /// Entries with the same number are one edit made in several places.
    pub group: u32,
    /// Survives edits elsewhere; the next comparison knows it again.
    #[serde(serialize_with = "as_text")]
    pub fingerprint: Digest,
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

/// A pair of files that are not equal.
struct Pair<'a> {
    old: Option<usize>,
    new: Option<usize>,
    before: Text<'a>,
    after: Text<'a>,
    hunks: Vec<Hunk>,
    edits: Vec<Edit>,
}

/// Compares two releases.
pub fn compare(old: &Release, new: &Release) -> Comparison {
    let digests = |release: &Release| -> Vec<u64> {
        release.files.par_iter().map(|file| hash_of(&file.bytes)).collect()
    };
    let (old_digests, new_digests) = (digests(old), digests(new));
    let by_path: FxHashMap<&str, u64> =
        old.files.iter().zip(&old_digests).map(|(file, digest)| (file.path.as_str(), *digest)).collect();
    let same: Vec<bool> = new
        .files
        .iter()
        .zip(&new_digests)
        .map(|(file, digest)| by_path.get(file.path.as_str()) == Some(digest))
        .collect();
    let kept: rustc_hash::FxHashSet<&str> =
        new.files.iter().zip(&same).filter(|(_, same)| **same).map(|(file, _)| file.path.as_str()).collect();
    let changed_old: Vec<usize> =
        (0..old.files.len()).filter(|index| !kept.contains(old.files[*index].path.as_str())).collect();
    let changed_new: Vec<usize> = (0..new.files.len()).filter(|index| !same[*index]).collect();

    let grams = Grams::default();
    let (old_forms, new_forms) = (Forms::default(), Forms::default());
    let (common, habits) = (0..new.files.len())
        .into_par_iter()
        .filter(|index| same[*index])
        .map(|index| learn(&new.files[index], &grams, &old_forms, &new_forms))
        .reduce(Default::default, |a: (Vocabulary, Habits), b| (a.0.merge(b.0), a.1.merge(b.1)));
    let old_texts: Vec<Text<'_>> = changed_old.par_iter().map(|index| text(&old.files[*index])).collect();
    let new_texts: Vec<Text<'_>> = changed_new.par_iter().map(|index| text(&new.files[*index])).collect();
    old_texts.par_iter().filter(|text| text.kind.is_code()).for_each(|text| grams.learn(text));
    old_texts.par_iter().for_each(|text| old_forms.learn(text, 1));
    new_texts.par_iter().for_each(|text| new_forms.learn(text, 1));
    let habits = new_texts.par_iter().map(Habits::of).reduce(Habits::default, Habits::merge).merge(habits);
    let world = World {
        habits,
        old_forms,
        new_forms,
        old_words: vocabulary(&old_texts),
        new_words: vocabulary(&new_texts),
        grams,
        lexicon: Lexicon::new(),
    };
    let world = World {
        old_words: union(&common, world.old_words),
        new_words: union(&common, world.new_words),
        ..world
    };
    let pairs =
        pairs(&world, old, new, &changed_old, &changed_new, old_texts, new_texts, &old_digests, &new_digests);
    let repeats = repeats(&pairs);
    let mut entries: Vec<Entry> =
        pairs.par_iter().flat_map_iter(|pair| entries_of(&world, &repeats, old, new, pair)).collect();
    entries.sort_by(|a, b| {
        let place = |entry: &Entry| (entry.file.clone(), entry.line_start, entry.old_lines);
        b.weight.total_cmp(&a.weight).then_with(|| place(a).cmp(&place(b)))
    });
    number(&mut entries);
    let totals = totals(old, new, &same, &pairs, &entries);
    Comparison { totals, entries }
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

fn totals(old: &Release, new: &Release, same: &[bool], pairs: &[Pair<'_>], entries: &[Entry]) -> Totals {
    let mut totals =
        Totals { files_equal: same.iter().filter(|same| **same).count() as u64, ..Totals::default() };
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

fn text(file: &File) -> Text<'_> {
    Text::new(&file.bytes, kind(&file.path, &file.bytes))
}

fn learn(file: &File, grams: &Grams, old_forms: &Forms, new_forms: &Forms) -> (Vocabulary, Habits) {
    let text = text(file);
    old_forms.learn(&text, 1);
    new_forms.learn(&text, 1);
    if text.kind.is_code() {
        grams.learn(&text);
    }
    let mut words = Vocabulary::default();
    words.add(&text);
    (words, Habits::of(&text))
}

fn vocabulary(texts: &[Text<'_>]) -> Vocabulary {
    let of = |text: &Text<'_>| {
        let mut words = Vocabulary::default();
        words.add(text);
        words
    };
    texts.par_iter().map(of).reduce(Vocabulary::default, Vocabulary::merge)
}

fn union(common: &Vocabulary, own: Vocabulary) -> Vocabulary {
    common.clone().merge(own)
}

#[allow(clippy::too_many_arguments)]
fn pairs<'a>(
    world: &World,
    old: &Release,
    new: &Release,
    changed_old: &[usize],
    changed_new: &[usize],
    old_texts: Vec<Text<'a>>,
    new_texts: Vec<Text<'a>>,
    old_digests: &[u64],
    new_digests: &[u64],
) -> Vec<Pair<'a>> {
    let side = |release: &'_ Release, changed: &[usize], texts: &[Text<'_>], digests: &[u64]| {
        changed
            .iter()
            .zip(texts)
            .map(|(index, text)| {
                let mut hashes: Vec<u64> =
                    text.statements.iter().filter(|s| s.end - s.first >= 3).map(|s| s.hash).collect();
                hashes.sort_unstable();
                hashes.dedup();
                (release.files[*index].path.clone(), digests[*index], hashes)
            })
            .collect::<Vec<_>>()
    };
    let (a, b) =
        (side(old, changed_old, &old_texts, old_digests), side(new, changed_new, &new_texts, new_digests));
    fn borrow(side: &[(String, u64, Vec<u64>)]) -> Vec<(&str, u64, Vec<u64>)> {
        side.iter().map(|(path, digest, hashes)| (path.as_str(), *digest, hashes.clone())).collect()
    }
    let aligned = align(&borrow(&a), &borrow(&b));
    let mut old_texts: Vec<Option<Text<'a>>> = old_texts.into_iter().map(Some).collect();
    let mut new_texts: Vec<Option<Text<'a>>> = new_texts.into_iter().map(Some).collect();
    let mut out: Vec<Pair<'a>> = Vec::with_capacity(aligned.len());
    for (x, y) in aligned {
        let before = x.and_then(|x| old_texts[x].take());
        let after = y.and_then(|y| new_texts[y].take());
        let kind = after.as_ref().or(before.as_ref()).map_or(Kind::Binary, |text| text.kind);
        let empty = || Text::new(b"", kind);
        out.push(Pair {
            old: x.map(|x| changed_old[x]),
            new: y.map(|y| changed_new[y]),
            before: before.unwrap_or_else(empty),
            after: after.unwrap_or_else(empty),
            hunks: Vec::new(),
            edits: Vec::new(),
        });
    }
    out.par_iter_mut().for_each(|pair| {
        pair.hunks = hunks(&pair.before, &pair.after);
        let edits = edits(&pair.before, &pair.after, &pair.hunks);
        let edits = crate::cosmetic::without_cosmetic(&pair.before, &pair.after, edits);
        pair.edits = single_out(world, &pair.before, &pair.after, edits);
    });
    out
}

/// Makes a suspicious statement of a run that came an edit of its own, so that it is not lost
/// among its neighbours.
fn single_out(world: &World, old: &Text<'_>, new: &Text<'_>, edits: Vec<Edit>) -> Vec<Edit> {
    let reading = Reading { old, new, lexicon: &world.lexicon };
    let mut out = Vec::with_capacity(edits.len());
    for edit in edits {
        if edit.action != Action::Added || edit.new.1 - edit.new.0 < 2 {
            out.push(edit);
            continue;
        }
        let mut start = edit.new.0;
        for at in edit.new.0..edit.new.1 {
            let mut found = Features::default();
            reading.suspects(new, at, &world.habits, &mut found);
            if found.0.is_empty() {
                continue;
            }
            if start < at {
                out.push(Edit { new: (start, at), ..edit });
            }
            out.push(Edit { new: (at, at + 1), ..edit });
            start = at + 1;
        }
        if start < edit.new.1 {
            out.push(Edit { new: (start, edit.new.1), ..edit });
        }
    }
    out
}

fn repeats(pairs: &[Pair<'_>]) -> Repeats {
    let signed: Vec<Vec<(u64, u64)>> = pairs
        .par_iter()
        .map(|pair| pair.edits.iter().map(|edit| signatures(&pair.before, &pair.after, edit)).collect())
        .collect();
    let mut repeats = Repeats::default();
    for (pair, signed) in pairs.iter().zip(signed) {
        for (exact, shape) in signed {
            *repeats.exact.entry(exact).or_default() += 1;
            *repeats.shape.entry(shape).or_default() += 1;
        }
        for edit in &pair.edits {
            let (removed, added) = crate::context::difference(&pair.before, &pair.after, edit);
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

fn entries_of(world: &World, repeats: &Repeats, old: &Release, new: &Release, pair: &Pair<'_>) -> Vec<Entry> {
    let old_path = pair.old.map(|index| old.files[index].path.clone());
    let new_path = pair.new.map(|index| new.files[index].path.clone());
    let path = new_path.clone().or(old_path.clone()).unwrap_or_default();
    let reading = Reading { old: &pair.before, new: &pair.after, lexicon: &world.lexicon };
    let mut by_function: FxHashMap<(bool, u32), usize> = FxHashMap::default();
    let function_of = |edit: &Edit| match edit.action {
        Action::Removed => (false, pair.before.statements[edit.old.0].function),
        _ => (true, pair.after.statements[edit.new.0].function),
    };
    for edit in &pair.edits {
        *by_function.entry(function_of(edit)).or_default() += 1;
    }
    let mut out = Vec::with_capacity(pair.edits.len());
    out.extend(whole_file(pair, &path, old_path.as_deref()));
    for edit in &pair.edits {
        let mut features = Features::default();
        reading.describe(edit, &world.habits, &mut features);
        let hunk = &pair.hunks[edit.hunk as usize];
        let crowd = Crowd {
            hunk: hunk.old.1 - hunk.old.0 + hunk.new.1 - hunk.new.0,
            function: by_function[&function_of(edit)],
            file: pair.edits.len(),
        };
        surroundings(world, repeats, &pair.before, &pair.after, &path, edit, crowd, &mut features);
        if pair.old.is_none() {
            features.set("file.new");
        }
        if pair.new.is_none() {
            features.set("file.gone");
        }
        out.push(entry(pair, edit, &path, old_path.as_deref(), features));
    }
    out
}

fn entry(pair: &Pair<'_>, edit: &Edit, path: &str, old_path: Option<&str>, features: Features) -> Entry {
    let (side, line_start, line_end) = lines(pair, edit);
    let first_last = |text: &Text<'_>, range: (usize, usize)| match range.0 < range.1 {
        true => (text.statements[range.0].line, text.statements[range.1 - 1].last_line),
        false => (1, 0),
    };
    let function = match edit.action {
        Action::Removed => pair.before.function_name(&pair.before.statements[edit.old.0]),
        _ => pair.after.function_name(&pair.after.statements[edit.new.0]),
    };
    let old_lines = first_last(&pair.before, edit.old);
    let count = |(first, last): (u32, u32)| (last + 1).saturating_sub(first);
    let new_lines = first_last(&pair.after, edit.new);
    let (weight, reasons) = table().weigh(features.0);
    let (exact, _) = signatures(&pair.before, &pair.after, edit);
    Entry {
        file: path.to_owned(),
        old_file: old_path.filter(|old| *old != path).map(str::to_owned),
        side,
        line_start,
        line_end,
        old_lines,
        changed_lines: count(old_lines) + count(new_lines),
        title: crate::reasons::title(&reasons, function),
        fingerprint: StableHasher::new().str(path).str(function).u64(exact).finish(),
        group: exact as u32 ^ (exact >> 32) as u32,
        function: function.to_owned(),
        weight,
        reasons,
    }
}

/// A file that has no lines, or is a value as a whole.
fn whole_file(pair: &Pair<'_>, path: &str, old_path: Option<&str>) -> Option<Entry> {
    let (old_bytes, new_bytes) = (pair.before.source, pair.after.source);
    if pair.after.kind != Kind::Binary && pair.before.kind != Kind::Binary || old_bytes == new_bytes {
        return None;
    }
    let mut features = Features::default();
    features.set(match (pair.old, pair.new) {
        (None, _) => "blob.added",
        (_, None) => "blob.removed",
        _ => "blob.changed",
    });
    crate::context::part(crate::language::part(path), &mut features);
    let (weight, reasons) = table().weigh(features.0);
    Some(Entry {
        file: path.to_owned(),
        old_file: old_path.filter(|old| *old != path).map(str::to_owned),
        side: if pair.new.is_some() { Side::New } else { Side::Old },
        line_start: 1,
        line_end: 1,
        old_lines: (1, 0),
        function: String::new(),
        changed_lines: 0,
        title: crate::reasons::title(&reasons, ""),
        weight,
        reasons,
        group: hash_of(path.as_bytes()) as u32,
        fingerprint: StableHasher::new().str(path).u64(hash_of(new_bytes)).finish(),
    })
}

/// The lines to read: those of changed tokens, or those beside a gap.
fn lines(pair: &Pair<'_>, edit: &Edit) -> (Side, u32, u32) {
    match edit.action {
        Action::Added => {
            let run = &pair.after.statements[edit.new.0..edit.new.1];
            (Side::New, run[0].line, run[run.len() - 1].last_line)
        }
        Action::Changed => {
            let statement = &pair.after.statements[edit.new.0];
            let (_, added) = crate::context::difference(&pair.before, &pair.after, edit);
            let first = added.iter().map(|token| token.line).min();
            let last = added.iter().map(|token| token.line).max();
            match first.zip(last) {
                Some((first, last)) => (Side::New, first, last),
                None => (Side::New, statement.line, statement.last_line),
            }
        }
        Action::Removed if pair.new.is_none() => {
            let run = &pair.before.statements[edit.old.0..edit.old.1];
            (Side::Old, run[0].line, run[run.len() - 1].last_line)
        }
        Action::Removed => {
            let statements = &pair.after.statements;
            let next = statements.get(edit.new.0).map(|next| next.line);
            let before = edit.new.0.checked_sub(1).and_then(|at| statements.get(at)).map(|s| s.last_line);
            match (before, next) {
                (Some(before), Some(next)) if next.saturating_sub(before) <= 6 => {
                    (Side::New, before, next.max(before))
                }
                (_, Some(next)) => (Side::New, next.saturating_sub(1).max(1), next),
                (Some(before), None) => (Side::New, before, before + 1),
                (None, None) => (Side::New, 1, 1),
            }
        }
    }
}
