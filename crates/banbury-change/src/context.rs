//! Reasons that lie around an edit: in its function, its file, the whole of both releases.

use std::hash::Hasher;

use rustc_hash::{FxHashSet, FxHasher};

use crate::edits::{Action, Edit};
use crate::features::Features;
use crate::language::{Kind, Part};
use crate::lex::{Text, Token, TokenKind};
use crate::names::{self, Lexicon};
use crate::stats::{Forms, Grams, Habits, Repeats, Vocabulary, form};

/// What both releases are made of.
pub struct World {
    pub old_words: Vocabulary,
    pub new_words: Vocabulary,
    pub grams: Grams,
    pub lexicon: Lexicon,
    pub old_forms: Forms,
    pub new_forms: Forms,
    /// Of the new release.
    pub habits: Habits,
}

impl World {
    fn had(&self, hash: u64) -> bool {
        self.old_words.has(hash)
    }

    fn has(&self, hash: u64) -> bool {
        self.new_words.has(hash)
    }
}

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

/// Names of an edit: by its exact tokens, and by its form (called names and signs alone).
pub fn signatures(old: &Text<'_>, new: &Text<'_>, edit: &Edit) -> (u64, u64) {
    let (removed, added) = difference(old, new, edit);
    let (mut exact, mut shape) = (FxHasher::default(), FxHasher::default());
    for (text, tokens) in [(old, removed), (new, added)] {
        exact.write_u8(1);
        shape.write_u8(1);
        for token in tokens {
            exact.write_u64(token.hash);
            let next = text.source.get((token.start + token.len) as usize);
            shape.write_u64(match token.kind {
                TokenKind::Sign => token.hash,
                TokenKind::Word if next == Some(&b'(') || edit.action == Action::Changed => token.hash,
                kind => kind as u64,
            });
        }
    }
    (exact.finish(), shape.finish())
}

/// Adds what the whole comparison says of an edit.
#[allow(clippy::too_many_arguments)]
pub fn surroundings(
    world: &World,
    repeats: &Repeats,
    old: &Text<'_>,
    new: &Text<'_>,
    path: &str,
    edit: &Edit,
    crowd: Crowd,
    out: &mut Features,
) {
    let (removed, added) = difference(old, new, edit);
    let fresh: FxHashSet<u64> = words(&added).filter(|hash| !world.had(*hash)).collect();
    let gone: FxHashSet<u64> = words(&removed).filter(|hash| !world.has(*hash)).collect();
    let log = |count: usize| ((count + 1) as f32).log2();
    out.value("names.new", log(fresh.len()));
    out.value("names.gone", log(gone.len()));
    out.value("size", log(removed.len() + added.len()));
    out.value("hunk", log(crowd.hunk));
    out.value("function.edits", log(crowd.function));
    out.value("file.edits", log(crowd.file));
    let (exact, shape) = signatures(old, new, edit);
    let count =
        |map: &rustc_hash::FxHashMap<u64, u32>, key| map.get(&key).copied().unwrap_or(1).max(1) as f32;
    out.value("repeat.exact", count(&repeats.exact, exact).log2());
    out.value("repeat.shape", count(&repeats.shape, shape).log2());
    moved(repeats, old, new, edit, out);
    topic(world, repeats, &removed, &added, out);
    forms(world, old, new, edit, out);
    unusual(world, old, new, edit, out);
    place(&world.lexicon, old, new, path, edit, out);
}

/// How many edits share the hunk (statements), the function and the file.
#[derive(Clone, Copy)]
pub struct Crowd {
    pub hunk: usize,
    pub function: usize,
    pub file: usize,
}

fn words<'t>(tokens: &'t [&'t Token]) -> impl Iterator<Item = u64> + 't {
    tokens
        .iter()
        .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Text))
        .map(|token| token.hash)
}

fn moved(repeats: &Repeats, old: &Text<'_>, new: &Text<'_>, edit: &Edit, out: &mut Features) {
    let (text, range, other) = match edit.action {
        Action::Removed => (old, edit.old, &repeats.added),
        Action::Added => (new, edit.new, &repeats.removed),
        Action::Changed => return,
    };
    let real: Vec<_> = text.statements[range.0..range.1].iter().filter(|s| s.end - s.first >= 3).collect();
    if real.is_empty() {
        return;
    }
    let known = real.iter().filter(|statement| other.contains_key(&statement.hash)).count();
    out.value("moved", known as f32 / real.len() as f32);
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
