//! Edits that change nothing: local variables renamed, an include at another place.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::diff::{Hunk, diff};
use crate::edits::{Action, Edit};
use crate::lex::{NO_FUNCTION, Text, Token, TokenKind};

/// Leaves out includes that only moved.
pub fn without_moved_includes(old: &Text<'_>, new: &Text<'_>, edits: Vec<Edit>) -> Vec<Edit> {
    if !new.kind.is_code() || edits.is_empty() {
        return edits;
    }
    let includes = |text: &Text<'_>| -> FxHashSet<u64> {
        text.statements.iter().filter(|s| is_include(text, text.of(s))).map(|s| s.hash).collect()
    };
    let (before, after) = (includes(old), includes(new));
    let only_includes = |text: &Text<'_>, range: (usize, usize), other: &FxHashSet<u64>| {
        let mut run = text.statements[range.0..range.1].iter();
        run.all(|s| is_include(text, text.of(s)) && other.contains(&s.hash))
    };
    edits
        .into_iter()
        .filter(|edit| match edit.action {
            Action::Added => !only_includes(new, edit.new, &before),
            Action::Removed => !only_includes(old, edit.old, &after),
            Action::Changed => true,
        })
        .collect()
}

fn is_include(text: &Text<'_>, tokens: &[Token]) -> bool {
    matches!(tokens, [hash, include, ..] if text.word(hash) == "#" && text.word(include) == "include")
}

/// New names of the local variables of one function of the old version.
type Renames = FxHashMap<u64, u64>;

/// Gives statements of the old version the hashes that they have under the new names of local
/// variables; true if there are any.
pub fn apply_renames(old: &mut Text<'_>, new: &Text<'_>, edits: &[Edit]) -> bool {
    if !new.kind.is_code() {
        return false;
    }
    let renames = renames(old, new, edits);
    for at in 0..old.statements.len() {
        let Some(renames) = renames.get(&old.statements[at].function) else { continue };
        let tokens = old.of(&old.statements[at]);
        let mut hasher = FxHasher::default();
        for (at, token) in tokens.iter().enumerate() {
            let name = if is_variable(old, tokens, at) { renames.get(&token.hash) } else { None };
            hasher.write_u64(*name.unwrap_or(&token.hash));
        }
        old.statements[at].hash = hasher.finish();
    }
    !renames.is_empty()
}

/// By the number of the function in the old version.
fn renames(old: &Text<'_>, new: &Text<'_>, edits: &[Edit]) -> FxHashMap<u32, Renames> {
    let touched: FxHashSet<u32> = edits
        .iter()
        .filter(|edit| edit.action != Action::Removed)
        .map(|edit| new.statements[edit.new.0].function)
        .filter(|function| *function != NO_FUNCTION)
        .collect();
    let mut out = FxHashMap::default();
    for (a, b) in partners(old, new).into_iter().filter(|(_, b)| touched.contains(b)) {
        let found = renamed(&Body::new(old, a), &Body::new(new, b));
        if !found.is_empty() {
            out.insert(a, found);
        }
    }
    out
}

/// Functions of the same name; where both versions have several, in their order.
fn partners(old: &Text<'_>, new: &Text<'_>) -> Vec<(u32, u32)> {
    fn by_name<'t>(text: &'t Text<'_>) -> FxHashMap<&'t str, Vec<u32>> {
        let mut all: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        for (number, function) in text.functions.iter().enumerate() {
            all.entry(&function.name).or_default().push(number as u32);
        }
        all
    }
    let (before, after) = (by_name(old), by_name(new));
    let both = before.into_iter().filter_map(|(name, a)| Some((a, after.get(name)?)));
    both.filter(|(a, b)| a.len() == b.len()).flat_map(|(a, b)| a.into_iter().zip(b.iter().copied())).collect()
}

/// The tokens of a function, and the variables that it declares.
struct Body<'t> {
    tokens: Vec<&'t Token>,
    /// By token: the name of a variable, or what can be taken for one.
    variables: Vec<bool>,
    declared: FxHashSet<u64>,
    used: FxHashSet<u64>,
}

impl<'t> Body<'t> {
    fn new(text: &'t Text<'_>, function: u32) -> Body<'t> {
        let mut body = Body {
            tokens: Vec::new(),
            variables: Vec::new(),
            declared: FxHashSet::default(),
            used: FxHashSet::default(),
        };
        for statement in text.statements.iter().filter(|statement| statement.function == function) {
            let tokens = text.of(statement);
            for at in 0..tokens.len() {
                body.tokens.push(&tokens[at]);
                body.variables.push(is_variable(text, tokens, at));
                if is_variable(text, tokens, at) {
                    body.used.insert(tokens[at].hash);
                }
            }
            let declared = tokens.windows(3).filter(|three| declares(text, three));
            body.declared.extend(declared.map(|three| three[1].hash));
        }
        body
    }
}

/// Variables of `a` that have other names in `b`, where all else but their names is aligned: each
/// is declared under one name here and another there, and neither name occurs on the other side.
fn renamed(a: &Body<'_>, b: &Body<'_>) -> Renames {
    // Alike whatever the variables are called.
    let blind = |body: &Body<'_>| -> Vec<u64> {
        let local = |at: usize| body.variables[at] && body.declared.contains(&body.tokens[at].hash);
        (0..body.tokens.len()).map(|at| if local(at) { 0 } else { body.tokens[at].hash }).collect()
    };
    let (x, y) = (blind(a), blind(b));
    let mut votes: FxHashMap<(u64, u64), u32> = FxHashMap::default();
    let (mut i, mut j) = (0, 0);
    let end = Hunk { old: (x.len(), x.len()), new: (y.len(), y.len()) };
    for hunk in diff(&x, &y).into_iter().chain([end]) {
        for (p, q) in (i..hunk.old.0).zip(j..hunk.new.0).filter(|(p, _)| x[*p] == 0) {
            *votes.entry((a.tokens[p].hash, b.tokens[q].hash)).or_default() += 1;
        }
        (i, j) = (hunk.old.1, hunk.new.1);
    }
    let mut best: Vec<((u64, u64), u32)> = votes.into_iter().filter(|((from, to), _)| from != to).collect();
    best.sort_unstable_by_key(|(pair, count)| (std::cmp::Reverse(*count), *pair));
    let (mut out, mut taken) = (Renames::default(), FxHashSet::default());
    for ((from, to), _) in best {
        if !b.used.contains(&from) && !a.used.contains(&to) && !out.contains_key(&from) && taken.insert(to) {
            out.insert(from, to);
        }
    }
    out
}

/// Whether a token is a name that stands for itself: no member, no called name.
fn is_variable(text: &Text<'_>, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |at| text.word(&tokens[at]));
    let is_called = tokens.get(at + 1).is_some_and(|next| text.word(next) == "(");
    tokens[at].kind == TokenKind::Word && !matches!(before, "->" | "." | "goto") && !is_called
}

/// `type name;`, `type *name =`, `, *name,`, ...
fn declares(text: &Text<'_>, three: &[Token]) -> bool {
    let first = text.word(&three[0]);
    let before = three[0].kind == TokenKind::Word && !matches!(first, "return" | "goto" | "else" | "case")
        || matches!(first, "*" | ",");
    before
        && three[1].kind == TokenKind::Word
        && matches!(text.word(&three[2]), ";" | "=" | "," | ")" | "[" | ":=" | ":")
}
