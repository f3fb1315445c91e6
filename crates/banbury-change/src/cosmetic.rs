//! Edits that change nothing: a local variable renamed throughout, an include at another place.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::edits::{Action, Edit};
use crate::lex::{NO_FUNCTION, Text, Token, TokenKind};

/// Leaves out the edits that change nothing.
pub fn without_cosmetic(old: &Text<'_>, new: &Text<'_>, edits: Vec<Edit>) -> Vec<Edit> {
    if !new.kind.is_code() || edits.is_empty() {
        return edits;
    }
    let renamed = renamed_functions(old, new, &edits);
    let includes = |text: &Text<'_>| -> FxHashSet<u64> {
        text.statements.iter().filter(|s| is_include(text, text.of(s))).map(|s| s.hash).collect()
    };
    let (before, after) = (includes(old), includes(new));
    let only_includes = |text: &Text<'_>, range: (usize, usize), other: &FxHashSet<u64>| {
        text.statements[range.0..range.1]
            .iter()
            .all(|s| is_include(text, text.of(s)) && other.contains(&s.hash))
    };
    edits
        .into_iter()
        .filter(|edit| match edit.action {
            Action::Added => {
                let function = new.statements[edit.new.0].function;
                !renamed.contains(&(true, function)) && !only_includes(new, edit.new, &before)
            }
            Action::Removed => {
                let function = old.statements[edit.old.0].function;
                !renamed.contains(&(false, function)) && !only_includes(old, edit.old, &after)
            }
            Action::Changed => !renamed.contains(&(true, new.statements[edit.new.0].function)),
        })
        .collect()
}

fn is_include(text: &Text<'_>, tokens: &[Token]) -> bool {
    matches!(tokens, [hash, include, ..] if text.word(hash) == "#" && text.word(include) == "include")
}

/// Functions, as numbers in the old and the new text, that differ by the names of local variables
/// alone.
fn renamed_functions(old: &Text<'_>, new: &Text<'_>, edits: &[Edit]) -> FxHashSet<(bool, u32)> {
    let mut by_name: FxHashMap<&str, Option<u32>> = FxHashMap::default();
    for (number, function) in old.functions.iter().enumerate() {
        // Of two with one name (arms of a condition) neither is the partner.
        by_name.entry(&function.name).and_modify(|known| *known = None).or_insert(Some(number as u32));
    }
    let mut touched: Vec<u32> = edits
        .iter()
        .filter(|edit| edit.action != Action::Removed)
        .map(|edit| new.statements[edit.new.0].function)
        .filter(|function| *function != NO_FUNCTION)
        .collect();
    touched.sort_unstable();
    touched.dedup();
    let mut out = FxHashSet::default();
    for b in touched {
        let Some(Some(a)) = by_name.get(new.functions[b as usize].name.as_str()) else { continue };
        if equal_but_for_locals(&body(old, *a), &body(new, b), old, new) {
            out.insert((false, *a));
            out.insert((true, b));
        }
    }
    out
}

fn body<'t>(text: &'t Text<'_>, function: u32) -> Vec<&'t Token> {
    text.statements.iter().filter(|s| s.function == function).flat_map(|s| text.of(s)).collect()
}

/// Whether a one-to-one renaming of local variables makes one body the other.
fn equal_but_for_locals(a: &[&Token], b: &[&Token], old: &Text<'_>, new: &Text<'_>) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut to: FxHashMap<u64, u64> = FxHashMap::default();
    let mut from: FxHashMap<u64, u64> = FxHashMap::default();
    for (at, (x, y)) in a.iter().zip(b).enumerate() {
        if x.kind != TokenKind::Word || y.kind != TokenKind::Word {
            if x.hash != y.hash {
                return false;
            }
            continue;
        }
        let is_field = at > 0 && matches!(old.word(a[at - 1]), "->" | ".");
        if is_field {
            if x.hash != y.hash {
                return false;
            }
            continue;
        }
        if *to.entry(x.hash).or_insert(y.hash) != y.hash || *from.entry(y.hash).or_insert(x.hash) != x.hash {
            return false;
        }
    }
    let mut renamed = to.iter().filter(|(x, y)| x != y);
    let declared = |tokens: &[&Token], text: &Text<'_>| -> FxHashSet<u64> {
        tokens.windows(3).filter(|three| declares(text, three)).map(|three| three[1].hash).collect()
    };
    let (locals, new_locals) = (declared(a, old), declared(b, new));
    renamed.all(|(x, y)| locals.contains(x) && new_locals.contains(y))
}

/// `type name;`, `type *name =`, `, *name,`, ...
fn declares(text: &Text<'_>, three: &[&Token]) -> bool {
    let before = three[0].kind == TokenKind::Word
        && !matches!(text.word(three[0]), "return" | "goto" | "else" | "case")
        || matches!(text.word(three[0]), "*" | ",");
    before
        && three[1].kind == TokenKind::Word
        && matches!(text.word(three[2]), ";" | "=" | "," | ")" | "[" | ":=" | ":")
}
