//! How much else changed around an edit: a lone line in a function that is otherwise untouched is
//! another thing than a line of a new function.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::edits::{Action, Edit};
use crate::features::Features;
use crate::lex::NO_FUNCTION;
use crate::pairs::Pair;

/// Counts over the edits of a pair of files.
pub struct Neighbours {
    /// Edits and changed statements, by side and function.
    by_function: FxHashMap<(bool, u32), (usize, usize)>,
    /// Statements of each function of the new version.
    lengths: FxHashMap<u32, usize>,
    /// Names of the functions of the old version.
    old_names: FxHashSet<u64>,
}

impl Neighbours {
    pub fn new(pair: &Pair<'_>) -> Neighbours {
        let mut by_function: FxHashMap<(bool, u32), (usize, usize)> = FxHashMap::default();
        for edit in &pair.edits {
            let count = by_function.entry(function_of(pair, edit)).or_default();
            *count =
                (count.0 + 1, count.1 + edit.old.1.max(edit.new.1 + edit.old.0 - edit.new.0) - edit.old.0);
        }
        let mut lengths: FxHashMap<u32, usize> = FxHashMap::default();
        for statement in &pair.after.statements {
            *lengths.entry(statement.function).or_default() += 1;
        }
        let old_names = pair
            .before
            .functions
            .iter()
            .map(|function| crate::lex::hash_of(function.name.as_bytes()))
            .collect();
        Neighbours { by_function, lengths, old_names }
    }

    /// Says of the edit with this number what lies around it.
    pub fn tell(&self, pair: &Pair<'_>, number: usize, out: &mut Features) {
        let edit = &pair.edits[number];
        let log = |count: usize| ((count + 1) as f32).log2();
        let hunk = &pair.hunks[edit.hunk as usize];
        // New code is long by nature; a long change of old code is another thing.
        let name = if edit.action == Action::Added { "hunk.added" } else { "hunk" };
        out.value(name, log(hunk.old.1 - hunk.old.0 + hunk.new.1 - hunk.new.0));
        let place = function_of(pair, edit);
        let (edits, statements) = self.by_function.get(&place).copied().unwrap_or_default();
        out.value("function.edits", log(edits));
        out.value("file.edits", log(pair.edits.len()));
        out.value("distance", log(distance(&pair.edits, number).min(63)));
        if let ((true, function), Some(length)) = (place, self.lengths.get(&place.1)) {
            if function != NO_FUNCTION {
                out.value("function.share", (statements as f32 / *length as f32).min(1.0));
                let name = &pair.after.functions[function as usize].name;
                if pair.old.is_some() && !self.old_names.contains(&crate::lex::hash_of(name.as_bytes())) {
                    out.set("function.new");
                }
            }
        }
    }
}

/// Whether on the new side, and the number of the function there.
fn function_of(pair: &Pair<'_>, edit: &Edit) -> (bool, u32) {
    match edit.action {
        Action::Removed => (false, pair.before.statements[edit.old.0].function),
        _ => (true, pair.after.statements[edit.new.0].function),
    }
}

/// Statements between an edit and the nearest other one of the file.
fn distance(edits: &[Edit], number: usize) -> usize {
    let edit = &edits[number];
    let before = number.checked_sub(1).map(|before| edit.new.0.saturating_sub(edits[before].new.1));
    let after = edits.get(number + 1).map(|after| after.new.0.saturating_sub(edit.new.1));
    before.into_iter().chain(after).min().unwrap_or(usize::MAX)
}
