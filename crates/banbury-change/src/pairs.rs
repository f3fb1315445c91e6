//! Which file became which, and what differs in each pair.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::compare::{File, Release};
use crate::cosmetic::{apply_renames, without_moved_includes};
use crate::diff::Hunk;
use crate::edits::{Action, Aligned, Edit, align, edits, hunks};
use crate::features::{Features, Reading};
use crate::findings::{LineMap, LineMaps, Signs};
use crate::language::{Kind, kind};
use crate::lex::{Text, hash_of};
use crate::world::World;

/// A pair of files that are not equal.
pub struct Pair<'a> {
    pub old: Option<usize>,
    pub new: Option<usize>,
    pub before: Text<'a>,
    pub after: Text<'a>,
    pub hunks: Vec<Hunk>,
    pub edits: Vec<Edit>,
}

/// Files that are equal under the same path, and numbers of all others.
pub struct Matched {
    pub old: Vec<usize>,
    pub new: Vec<usize>,
    old_digests: Vec<u64>,
    new_digests: Vec<u64>,
    /// By number in the new release.
    same: Vec<bool>,
}

impl Matched {
    pub fn new(old: &Release, new: &Release) -> Matched {
        let digests = |release: &Release| -> Vec<u64> {
            release.files.par_iter().map(|file| hash_of(&file.bytes)).collect()
        };
        let (old_digests, new_digests) = (digests(old), digests(new));
        let by_path: FxHashMap<&str, u64> =
            old.files.iter().zip(&old_digests).map(|(file, digest)| (file.path.as_str(), *digest)).collect();
        let is_same = |(file, digest): (&File, &u64)| by_path.get(file.path.as_str()) == Some(digest);
        let same: Vec<bool> = new.files.iter().zip(&new_digests).map(is_same).collect();
        let kept: FxHashSet<&str> = new
            .files
            .iter()
            .zip(&same)
            .filter(|(_, same)| **same)
            .map(|(file, _)| file.path.as_str())
            .collect();
        Matched {
            old: (0..old.files.len())
                .filter(|index| !kept.contains(old.files[*index].path.as_str()))
                .collect(),
            new: (0..new.files.len()).filter(|index| !same[*index]).collect(),
            old_digests,
            new_digests,
            same,
        }
    }

    /// How many files are equal.
    pub fn equal(&self) -> usize {
        self.same.iter().filter(|same| **same).count()
    }

    pub fn equal_files<'a>(&self, new: &'a Release) -> Vec<&'a File> {
        new.files.iter().zip(&self.same).filter(|(_, same)| **same).map(|(file, _)| file).collect()
    }

    pub fn texts<'a>(&self, release: &'a Release, numbers: &[usize]) -> Vec<Text<'a>> {
        numbers.par_iter().map(|number| text(&release.files[*number])).collect()
    }
}

pub fn text(file: &File) -> Text<'_> {
    Text::new(&file.bytes, kind(&file.path, &file.bytes))
}

/// Aligns what is not equal, and finds the edits of each pair.
pub fn pair_up<'a>(
    old: &Release,
    new: &Release,
    matched: &Matched,
    old_texts: Vec<Text<'a>>,
    new_texts: Vec<Text<'a>>,
) -> Vec<Pair<'a>> {
    let a = aligned(old, &matched.old, &old_texts, &matched.old_digests);
    let b = aligned(new, &matched.new, &new_texts, &matched.new_digests);
    let partners = align(&a, &b);
    let mut old_texts: Vec<Option<Text<'a>>> = old_texts.into_iter().map(Some).collect();
    let mut new_texts: Vec<Option<Text<'a>>> = new_texts.into_iter().map(Some).collect();
    let mut out: Vec<Pair<'a>> = Vec::with_capacity(partners.len());
    for (x, y) in partners {
        let before = x.and_then(|x| old_texts[x].take());
        let after = y.and_then(|y| new_texts[y].take());
        let kind = after.as_ref().or(before.as_ref()).map_or(Kind::Binary, |text| text.kind);
        let empty = || Text::new(b"", kind);
        out.push(Pair {
            old: x.map(|x| matched.old[x]),
            new: y.map(|y| matched.new[y]),
            before: before.unwrap_or_else(empty),
            after: after.unwrap_or_else(empty),
            hunks: Vec::new(),
            edits: Vec::new(),
        });
    }
    out.par_iter_mut().for_each(|pair| {
        pair.find_edits();
        if apply_renames(&mut pair.before, &pair.after, &pair.edits) {
            pair.find_edits();
        }
    });
    out
}

fn aligned<'r>(
    release: &'r Release,
    numbers: &[usize],
    texts: &[Text<'_>],
    digests: &[u64],
) -> Vec<Aligned<'r>> {
    let of = |(number, text): (&usize, &Text<'_>)| {
        let long = text.statements.iter().filter(|s| s.end - s.first >= 3);
        let mut statements: Vec<u64> = long.map(|s| s.hash).collect();
        statements.sort_unstable();
        statements.dedup();
        Aligned { path: &release.files[*number].path, digest: digests[*number], statements }
    };
    numbers.iter().zip(texts).map(of).collect()
}

impl Pair<'_> {
    fn find_edits(&mut self) {
        self.hunks = hunks(&self.before, &self.after);
        let edits = edits(&self.before, &self.after, &self.hunks);
        self.edits = without_moved_includes(&self.before, &self.after, edits);
    }

    /// Makes a suspicious statement of a run that came an edit of its own, so that it is not lost
    /// among its neighbours.
    pub fn single_out(&mut self, world: &World, appeared: &Signs, new: &Release) {
        let path = self.new.map_or("", |number| &new.files[number].path);
        let reading = Reading { old: &self.before, new: &self.after, lexicon: &world.lexicon };
        let is_suspicious = |at: usize| {
            let mut found = Features::default();
            reading.suspects(&self.after, at, &world.habits, &mut found);
            let statement = &self.after.statements[at];
            !found.0.is_empty() || appeared.has_sink(path, statement.line, statement.last_line)
        };
        let mut out = Vec::with_capacity(self.edits.len());
        for edit in &self.edits {
            if edit.action != Action::Added || edit.new.1 - edit.new.0 < 2 {
                out.push(*edit);
                continue;
            }
            let mut start = edit.new.0;
            for at in (edit.new.0..edit.new.1).filter(|at| is_suspicious(*at)) {
                if start < at {
                    out.push(Edit { new: (start, at), ..*edit });
                }
                out.push(Edit { new: (at, at + 1), ..*edit });
                start = at + 1;
            }
            if start < edit.new.1 {
                out.push(Edit { new: (start, edit.new.1), ..*edit });
            }
        }
        self.edits = out;
    }

    /// Lines of one version by those of the other, where the statement is the same or became
    /// another.
    fn lines(&self, forward: bool) -> Vec<u32> {
        let (from, to) = if forward { (&self.before, &self.after) } else { (&self.after, &self.before) };
        let turned = |hunk: &Hunk| if forward { (hunk.old, hunk.new) } else { (hunk.new, hunk.old) };
        let mut out = vec![0u32; from.lines as usize + 2];
        let mut put = |a: usize, b: usize| {
            let (a, b) = (&from.statements[a], &to.statements[b]);
            for line in a.line..=a.last_line {
                if let Some(slot) = out.get_mut(line as usize).filter(|slot| **slot == 0) {
                    *slot = (b.line + line - a.line).min(b.last_line);
                }
            }
        };
        let (mut a, mut b) = (0, 0);
        let end = (from.statements.len(), to.statements.len());
        for (x, y) in self.hunks.iter().map(turned).chain([((end.0, end.0), (end.1, end.1))]) {
            (a..x.0).zip(b..y.0).for_each(|(a, b)| put(a, b));
            (a, b) = (x.1, y.1);
        }
        for edit in self.edits.iter().filter(|edit| edit.action == Action::Changed) {
            let (x, y) = if forward { (edit.old.0, edit.new.0) } else { (edit.new.0, edit.old.0) };
            put(x, y);
        }
        out
    }
}

/// Where each line of the old release stands in the new one, or the reverse.
pub fn line_maps<'a>(old: &'a Release, new: &'a Release, pairs: &[Pair<'_>], forward: bool) -> LineMaps<'a> {
    let (from, to) = if forward { (old, new) } else { (new, old) };
    // What is no pair is equal, or gone.
    let mut maps: LineMaps<'a> = to
        .files
        .iter()
        .map(|file| (file.path.as_str(), LineMap { path: file.path.as_str(), lines: None }))
        .collect();
    let made: Vec<_> = pairs
        .par_iter()
        .filter_map(|pair| {
            let (x, y) = if forward { (pair.old?, pair.new?) } else { (pair.new?, pair.old?) };
            let lines = Some(pair.lines(forward));
            Some((from.files[x].path.as_str(), LineMap { path: to.files[y].path.as_str(), lines }))
        })
        .collect();
    maps.extend(made);
    maps
}
