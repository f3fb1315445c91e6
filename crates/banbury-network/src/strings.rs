use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// A number for a string of one [`Strings`] table. 0 is the empty string, "not recorded".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Sym(pub u32);

impl Sym {
    pub const EMPTY: Sym = Sym(0);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Distinct strings in one buffer, numbered in the order of first appearance. Eight bytes and
/// the text per string: millions of identifiers fit where a `HashMap<String, u32>` would not.
pub struct Strings {
    text: String,
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Strings { text: String::new(), ends: Vec::new(), table: HashTable::new() };
        strings.intern("");
        strings
    }
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

fn slice<'a>(text: &'a str, ends: &[u32], index: u32) -> &'a str {
    let start = if index == 0 { 0 } else { ends[index as usize - 1] };
    &text[start as usize..ends[index as usize] as usize]
}

impl Strings {
    /// The number of `text`. Beyond 4 GiB of distinct text every further string is the empty one.
    pub fn intern(&mut self, text: &str) -> Sym {
        let Strings { text: all, ends, table } = self;
        let hashed = hash(text);
        if let Some(&found) = table.find(hashed, |&i| slice(all, ends, i) == text) {
            return Sym(found);
        }
        let Ok(end) = u32::try_from(all.len() + text.len()) else { return Sym::EMPTY };
        let index = ends.len() as u32;
        all.push_str(text);
        ends.push(end);
        table.insert_unique(hashed, index, |&i| hash(slice(all, ends, i)));
        Sym(index)
    }

    pub fn find(&self, text: &str) -> Option<Sym> {
        self.table.find(hash(text), |&i| slice(&self.text, &self.ends, i) == text).map(|&i| Sym(i))
    }

    pub fn get(&self, sym: Sym) -> &str {
        slice(&self.text, &self.ends, sym.0)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.len() <= 1
    }

    /// Every string with its number, in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (Sym, &str)> {
        (0..self.ends.len() as u32).map(|i| (Sym(i), slice(&self.text, &self.ends, i)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Strings, Sym};

    #[test]
    fn interning() {
        let mut strings = Strings::default();
        assert_eq!(strings.intern(""), Sym::EMPTY);
        let numbers: Vec<Sym> = (0..5000).map(|i| strings.intern(&format!("N{i}"))).collect();
        for (i, &sym) in numbers.iter().enumerate() {
            assert_eq!(strings.get(sym), format!("N{i}"));
            assert_eq!(strings.find(&format!("N{i}")), Some(sym));
        }
        assert_eq!(strings.find("absent"), None);
    }
}
