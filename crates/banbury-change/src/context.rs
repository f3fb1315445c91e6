//! Reasons that lie around an edit: in its function, its file, the whole of both releases.

use std::hash::Hasher;

use rustc_hash::{FxHashSet, FxHasher};

use crate::edits::{Action, Edit};
use crate::features::{Features, Reading, Role, role};
use crate::language::{Kind, Part};
use crate::lex::{Statement, Text, Token, TokenKind};
use crate::names::{self, Lexicon};
use crate::stats::{Forms, Repeats, form};
use crate::world::World;

/// Tokens that went and came, without what both sides share.
pub fn difference<'t>(old: &'t Text<'_>, new: &'t Text<'_>, edit: &Edit) -> (Vec<&'t Token>, Vec<&'t Token>) {
    let all = |text: &'t Text<'_>, range: (usize, usize)| -> Vec<&'t Token> {
        (range.0..range.1).flat_map(|at| text.of(&text.statements[at])).collect()
    };
    let (a, b) = (all(old, edit.old), all(new, edit.new));
    if edit.action != Action::Changed {
        return (a, b);
    }
    let hashes = |tokens: &[&Token]| tokens.iter().map(|token| token.hash).collect::<Vec<_>>();
    let hunks = crate::diff::diff(&hashes(&a), &hashes(&b));
    let removed = hunks.iter().flat_map(|hunk| a[hunk.old.0..hunk.old.1].iter().copied()).collect();
    let added = hunks.iter().flat_map(|hunk| b[hunk.new.0..hunk.new.1].iter().copied()).collect();
    (removed, added)
}

/// Names of an edit, from strict to loose.
#[derive(Clone, Copy)]
pub struct Signatures {
    /// By its exact tokens.
    pub exact: u64,
    /// Without numbers and texts, of a run also without names of variables.
    pub shape: u64,
    /// Called names, constants and signs alone.
    pub form: u64,
}

pub fn signatures(old: &Text<'_>, new: &Text<'_>, edit: &Edit) -> Signatures {
    let (removed, added) = difference(old, new, edit);
    let (mut exact, mut shape, mut form) = (FxHasher::default(), FxHasher::default(), FxHasher::default());
    for (text, tokens) in [(old, removed), (new, added)] {
        [&mut exact, &mut shape, &mut form].into_iter().for_each(|hasher| hasher.write_u8(1));
        for token in tokens {
            exact.write_u64(token.hash);
            let is_called = text.source.get((token.start + token.len) as usize) == Some(&b'(');
            let is_constant = || text.word(token).bytes().all(|byte| !byte.is_ascii_lowercase());
            let kind = token.kind as u64;
            let (loose, looser) = match token.kind {
                TokenKind::Sign => (token.hash, token.hash),
                TokenKind::Word if is_called || is_constant() => (token.hash, token.hash),
                TokenKind::Word if edit.action == Action::Changed => (token.hash, kind),
                _ => (kind, kind),
            };
            shape.write_u64(loose);
            form.write_u64(looser);
        }
    }
    Signatures { exact: exact.finish(), shape: shape.finish(), form: form.finish() }
}

/// Adds what the whole comparison says of an edit.
pub fn surroundings(
    world: &World,
    repeats: &Repeats,
    reading: &Reading<'_>,
    path: &str,
    edit: &Edit,
    out: &mut Features,
) {
    let (old, new) = (reading.old, reading.new);
    let (removed, added) = difference(old, new, edit);
    let fresh: FxHashSet<u64> = words(&added).filter(|hash| !world.had(*hash)).collect();
    let gone: FxHashSet<u64> = words(&removed).filter(|hash| !world.has(*hash)).collect();
    let log = |count: usize| ((count + 1) as f32).log2();
    out.value("names.new", log(fresh.len()));
    out.value("names.gone", log(gone.len()));
    out.value("size", log(removed.len() + added.len()));
    let own = signatures(old, new, edit);
    let count =
        |map: &rustc_hash::FxHashMap<u64, u32>, key| map.get(&key).copied().unwrap_or(1).max(1) as f32;
    out.value("repeat.exact", count(&repeats.exact, own.exact).log2());
    out.value("repeat.shape", count(&repeats.shape, own.shape).log2());
    out.value("repeat.form", count(&repeats.form, own.form).log2());
    moved(world, repeats, old, new, edit, out);
    topic(world, repeats, &removed, &added, out);
    forms(world, old, new, edit, out);
    unusual(world, old, new, edit, out);
    place(&world.lexicon, old, new, path, edit, out);
}

/// Statements after a gap in which its subject is looked for.
const SOON: usize = 12;

/// Whether what a removed or changed condition was about is used after it, and whether another
/// condition before the gap is about the same.
pub fn subject(reading: &Reading<'_>, edit: &Edit, out: &mut Features) {
    if edit.action == Action::Added || !reading.old.kind.is_code() {
        return;
    }
    let Some(condition) = (edit.old.0..edit.old.1)
        .map(|at| &reading.old.statements[at])
        .find(|statement| matches!(role(reading.old, statement), Role::Condition | Role::Loop))
    else {
        return;
    };
    let names: FxHashSet<u64> = names_in(reading.old, condition).collect();
    let new = reading.new;
    let after = edit.new.1.min(new.statements.len());
    let Some(function) = new.statements.get(edit.new.0.min(new.statements.len().saturating_sub(1))) else {
        return;
    };
    let shares = |at: usize| names_in(new, &new.statements[at]).any(|name| names.contains(&name));
    let inside = |at: &usize| new.statements[*at].function == function.function;
    let is_condition = |at: &usize| role(new, &new.statements[*at]) == Role::Condition;
    let mut next = (after..new.statements.len()).take(SOON).take_while(inside);
    if next.any(|at| !is_condition(&at) && shares(at)) {
        out.set("subject.used");
    }
    let next = (after..new.statements.len()).take(SOON / 2).take_while(inside);
    let before = (0..edit.new.0.min(new.statements.len())).rev().take(SOON / 2).take_while(inside);
    if before.chain(next).any(|at| is_condition(&at) && shares(at)) {
        out.set("subject.tested");
    }
}

/// Names of variables and members of a statement.
fn names_in<'t>(text: &'t Text<'_>, statement: &Statement) -> impl Iterator<Item = u64> + 't {
    let tokens = text.of(statement);
    let is_name = |(at, token): (usize, &'t Token)| {
        let word = text.word(token);
        let calls = tokens.get(at + 1).is_some_and(|next| text.word(next) == "(");
        let named =
            token.kind == TokenKind::Word && !calls && word.bytes().any(|byte| byte.is_ascii_lowercase());
        (named
            && !matches!(
                word,
                "if" | "while" | "for" | "return" | "sizeof" | "else" | "nil" | "err" | "struct"
            ))
        .then_some(token.hash)
    };
    tokens.iter().enumerate().filter_map(is_name)
}

fn words<'t>(tokens: &'t [&'t Token]) -> impl Iterator<Item = u64> + 't {
    tokens.iter().filter(|token| token.kind == TokenKind::Word).map(|token| token.hash)
}

/// A statement of a form that occurs more often than this says nothing where it turns up again.
const RARE: u32 = 8;

fn moved(world: &World, repeats: &Repeats, old: &Text<'_>, new: &Text<'_>, edit: &Edit, out: &mut Features) {
    let (text, range, other, forms) = match edit.action {
        Action::Removed => (old, edit.old, &repeats.added, &world.old_forms),
        Action::Added => (new, edit.new, &repeats.removed, &world.new_forms),
        Action::Changed => return,
    };
    let real: Vec<_> = text.statements[range.0..range.1].iter().filter(|s| s.end - s.first >= 3).collect();
    if real.is_empty() {
        return;
    }
    let known = |statement: &&&Statement| other.contains_key(&statement.hash);
    let is_rare = |statement: &&&Statement| forms.count(form(text, statement)) <= RARE;
    let share = |count: usize| count as f32 / real.len() as f32;
    out.value("moved", share(real.iter().filter(known).count()));
    out.value("moved.rare", share(real.iter().filter(known).filter(is_rare).count()));
    // Elsewhere in the same function: what is done is done at another time.
    let function = text.function_name(&text.statements[range.0]);
    let same = |statement: &&&crate::lex::Statement| {
        let there = repeats.within.get(&(crate::lex::hash_of(function.as_bytes()) ^ statement.hash));
        there.is_some_and(|sides| *sides == 3)
    };
    if !function.is_empty() && real.len() <= 3 && real.iter().filter(same).count() == real.len() {
        out.set(if edit.action == Action::Added { "reordered.to" } else { "reordered.from" });
    }
}

/// Whether the edit is about what much of the release is about.
fn topic(world: &World, repeats: &Repeats, removed: &[&Token], added: &[&Token], out: &mut Features) {
    let share = |token: &&&Token| {
        let changed = repeats.words.get(&token.hash).copied().unwrap_or(1) as f32 - 1.0;
        ((changed + 0.1) / (changed + world.grams.occurrences(token.hash) + 2.0)).log2()
    };
    let both = || removed.iter().chain(added).filter(|token| token.kind == TokenKind::Word);
    let most = both().map(|token| share(&token)).fold(-10.0f32, f32::max);
    out.value("topic", most + 10.0);
    let most = both()
        .map(|token| repeats.words.get(&token.hash).copied().unwrap_or(1) as f32)
        .fold(1.0f32, f32::min);
    out.value("topic.least", most.log2());
}

/// How usual the old form still is, and the new form was.
fn forms(world: &World, old: &Text<'_>, new: &Text<'_>, edit: &Edit, out: &mut Features) {
    let log = |count: u32| ((count + 1) as f32).log2().min(8.0);
    let least = |text: &Text<'_>, range: (usize, usize), forms: &Forms| -> f32 {
        text.statements[range.0..range.1]
            .iter()
            .filter(|statement| statement.end - statement.first >= 3)
            .map(|statement| log(forms.count(form(text, statement))))
            .fold(8.0, f32::min)
    };
    match edit.action {
        Action::Changed => {
            out.value("form.old-kept", least(old, edit.old, &world.new_forms));
            out.value("form.new-known", least(new, edit.new, &world.old_forms));
        }
        Action::Removed => out.value("form.removed-kept", least(old, edit.old, &world.new_forms)),
        Action::Added => out.value("form.added-known", least(new, edit.new, &world.old_forms)),
    }
}

fn unusual(world: &World, old: &Text<'_>, new: &Text<'_>, edit: &Edit, out: &mut Features) {
    let bits = |text: &Text<'_>, range: (usize, usize)| -> (f32, usize) {
        let Some((first, last)) =
            text.statements.get(range.0).zip(text.statements.get(range.1.wrapping_sub(1)))
        else {
            return (0.0, 0);
        };
        let all = world.grams.surprise(text, first.first as usize, last.end as usize);
        (all.iter().sum(), all.len())
    };
    let (before, n) = bits(old, edit.old);
    let (after, m) = bits(new, edit.new);
    match edit.action {
        Action::Changed => out.value("surprise.more", ((after - before) / 10.0).clamp(-2.0, 2.0)),
        Action::Added => out.value("surprise.added", after / m.max(1) as f32),
        Action::Removed => out.value("surprise.removed", before / n.max(1) as f32),
    }
}

fn place(lexicon: &Lexicon, old: &Text<'_>, new: &Text<'_>, path: &str, edit: &Edit, out: &mut Features) {
    let function = match edit.action {
        Action::Removed => old.function_name(&old.statements[edit.old.0]),
        _ => new.function_name(&new.statements[edit.new.0]),
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let (of_function, of_file) = (lexicon.classes(function), lexicon.classes(name));
    if of_function & names::INPUT != 0 {
        out.set("place.input-function");
    }
    if of_file & names::INPUT != 0 {
        out.set("place.input-file");
    }
    if (of_function | of_file) & (names::CRYPTO | names::SECRET) != 0 {
        out.set("place.security");
    }
    if (of_function | of_file) & names::LOG != 0 && of_function & names::INPUT == 0 {
        out.set("place.log");
    }
    if function.is_empty() && new.kind.is_code() {
        out.set("place.outside-function");
    }
    if new.kind.is_code() && name.ends_with(".h") {
        out.set("place.header");
    }
    part(crate::language::part(path), out);
    out.set(match new.kind {
        Kind::Code => "kind.code",
        Kind::LineCode => "kind.line-code",
        Kind::Script => "kind.script",
        Kind::Build => "kind.build",
        Kind::Setting => "kind.setting",
        Kind::Prose => "kind.prose",
        Kind::Material => "kind.material",
        Kind::Binary => "kind.binary",
    });
}

pub fn part(part: Part, out: &mut Features) {
    for (is, name) in [
        (part.test, "part.test"),
        (part.generated, "part.generated"),
        (part.third_party, "part.third-party"),
        (part.aside, "part.aside"),
    ] {
        if is {
            out.set(name);
        }
    }
}
