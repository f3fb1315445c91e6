//! An edit with its reasons, as it stands in the list.

use banbury_base::StableHasher;

use crate::compare::{Entry, Side, Whole};
use crate::context::{signatures, subject, surroundings};
use crate::edits::{Action, Edit};
use crate::features::{Features, Reading};
use crate::language::Kind;
use crate::lex::{Text, hash_of};
use crate::neighbours::Neighbours;
use crate::pairs::Pair;
use crate::weights::{Weighed, table};

/// The entries of a pair of files, in no particular order.
pub fn entries_of(whole: &Whole<'_>, pair: &Pair<'_>) -> Vec<Entry> {
    let old_path = pair.old.map(|index| whole.old.files[index].path.as_str());
    let new_path = pair.new.map(|index| whole.new.files[index].path.as_str());
    let path = new_path.or(old_path).unwrap_or_default();
    let reading = Reading { old: &pair.before, new: &pair.after, lexicon: &whole.world.lexicon };
    let neighbours = Neighbours::new(pair);
    let mut out = Vec::with_capacity(pair.edits.len());
    out.extend(whole_file(pair, path, old_path));
    for (number, edit) in pair.edits.iter().enumerate() {
        let mut features = Features::default();
        reading.describe(edit, &whole.world.habits, &mut features);
        surroundings(&whole.world, &whole.repeats, &reading, path, edit, &mut features);
        neighbours.tell(pair, number, &mut features);
        subject(&reading, edit, &mut features);
        findings(whole, pair, edit, (path, old_path), &mut features);
        if pair.old.is_none() {
            features.set("file.new");
        }
        if pair.new.is_none() {
            features.set("file.gone");
        }
        out.push(entry(pair, edit, path, old_path, features));
    }
    out
}

/// What the review says about the edit.
fn findings(
    whole: &Whole<'_>,
    pair: &Pair<'_>,
    edit: &Edit,
    (path, old_path): (&str, Option<&str>),
    out: &mut Features,
) {
    let (side, first, last) = lines(pair, edit);
    if side == Side::New {
        whole.appeared.appeared(path, function(pair, edit), (first, last), out);
    }
    if edit.old.0 < edit.old.1 {
        whole.vanished.vanished(old_path.unwrap_or(path), range(&pair.before, edit.old), out);
    }
}

/// The function that the edit is in.
fn function<'p>(pair: &'p Pair<'_>, edit: &Edit) -> &'p str {
    match edit.action {
        Action::Removed => pair.before.function_name(&pair.before.statements[edit.old.0]),
        _ => pair.after.function_name(&pair.after.statements[edit.new.0]),
    }
}

/// First and last line of a range of statements; (1, 0) for none.
fn range(text: &Text<'_>, range: (usize, usize)) -> (u32, u32) {
    match range.0 < range.1 {
        true => (text.statements[range.0].line, text.statements[range.1 - 1].last_line),
        false => (1, 0),
    }
}

fn entry(pair: &Pair<'_>, edit: &Edit, path: &str, old_path: Option<&str>, features: Features) -> Entry {
    let (side, line_start, line_end) = lines(pair, edit);
    let function = function(pair, edit);
    let old_lines = range(&pair.before, edit.old);
    let count = |(first, last): (u32, u32)| (last + 1).saturating_sub(first);
    let new_lines = range(&pair.after, edit.new);
    let Weighed { weight, class, reasons } = table().weigh(features.0);
    let exact = signatures(&pair.before, &pair.after, edit).exact;
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
        class,
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
    let Weighed { weight, class, reasons } = table().weigh(features.0);
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
        class,
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
