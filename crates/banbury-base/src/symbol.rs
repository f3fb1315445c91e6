use std::cell::RefCell;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{OnceLock, RwLock};

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::encoding;

/// An interned string. Comparing two symbols for equality is comparing two integers.
///
/// The numbers depend on the order in which threads meet the strings, so they must never
/// decide an order or reach a result: sort by [`Symbol::as_str`], hash with
/// [`crate::StableHasher`]. Interned text lives until the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol(u32);

const SHARD_BITS: u32 = 6;
const SHARDS: usize = 1 << SHARD_BITS;

#[derive(Default)]
struct Shard {
    numbers: FxHashMap<&'static str, u32>,
    texts: Vec<&'static str>,
}

fn shards() -> &'static [RwLock<Shard>; SHARDS] {
    static TABLE: OnceLock<[RwLock<Shard>; SHARDS]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let table: [RwLock<Shard>; SHARDS] = std::array::from_fn(|_| RwLock::default());
        // The empty string is symbol 0, so that `Symbol::EMPTY` can be a constant.
        let shard = shard_of(FxBuildHasher.hash_one(""));
        for (index, cell) in table.iter().enumerate() {
            let mut cell = cell.write().unwrap_or_else(|e| e.into_inner());
            cell.texts.push("");
            if index == shard {
                cell.numbers.insert("", 0);
            }
        }
        table
    })
}

fn shard_of(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}

thread_local! {
    static RECENT: RefCell<FxHashMap<&'static str, Symbol>> = RefCell::default();
}

impl Symbol {
    /// The symbol of the empty string; stands for "no name".
    pub const EMPTY: Symbol = Symbol(0);

    /// Interns `text`.
    pub fn new(text: &str) -> Symbol {
        if text.is_empty() {
            return Symbol::EMPTY;
        }
        RECENT.with_borrow_mut(|recent| {
            if let Some(&symbol) = recent.get(text) {
                return symbol;
            }
            let (stored, symbol) = Symbol::intern(text);
            recent.insert(stored, symbol);
            symbol
        })
    }

    fn intern(text: &str) -> (&'static str, Symbol) {
        let shard = shard_of(FxBuildHasher.hash_one(text));
        let cell = &shards()[shard];
        let number = |index: u32| Symbol((index << SHARD_BITS) | shard as u32);
        {
            let read = cell.read().unwrap_or_else(|e| e.into_inner());
            if let Some((&stored, &index)) = read.numbers.get_key_value(text) {
                return (stored, number(index));
            }
        }
        let mut write = cell.write().unwrap_or_else(|e| e.into_inner());
        if let Some((&stored, &index)) = write.numbers.get_key_value(text) {
            return (stored, number(index));
        }
        let stored: &'static str = Box::leak(text.to_owned().into_boxed_str());
        let index = write.texts.len() as u32;
        write.texts.push(stored);
        write.numbers.insert(stored, index);
        (stored, number(index))
    }

    pub fn as_str(self) -> &'static str {
        let shard = (self.0 & (SHARDS as u32 - 1)) as usize;
        let read = shards()[shard].read().unwrap_or_else(|e| e.into_inner());
        read.texts[(self.0 >> SHARD_BITS) as usize]
    }

    /// A small number for tables on the side that are indexed by symbol. It differs from run to
    /// run, see above.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub fn is_empty(self) -> bool {
        self == Symbol::EMPTY
    }
}

impl Default for Symbol {
    fn default() -> Self {
        Symbol::EMPTY
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for Symbol {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Symbol {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match encoding::number_of(*self) {
            Some(number) => number.serialize(serializer),
            None => serializer.serialize_str(self.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if encoding::names_are_apart() {
            let symbol = encoding::symbol_of(u32::deserialize(deserializer)?);
            return symbol.ok_or_else(|| serde::de::Error::custom("a name is missing"));
        }
        deserializer.deserialize_str(Interning)
    }
}

/// Interns a text where it stands.
struct Interning;

impl serde::de::Visitor<'_> for Interning {
    type Value = Symbol;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Symbol, E> {
        Ok(Symbol::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn equal_text_is_one_symbol() {
        assert_eq!(Symbol::new("recv"), Symbol::new("recv"));
        assert_ne!(Symbol::new("recv"), Symbol::new("send"));
        assert_eq!(Symbol::new("recv").as_str(), "recv");
    }

    #[test]
    fn the_empty_string_is_the_empty_symbol() {
        assert_eq!(Symbol::new(""), Symbol::EMPTY);
        assert_eq!(Symbol::EMPTY.as_str(), "");
    }

    #[test]
    fn threads_agree() {
        let names: Vec<String> = (0..1000).map(|i| format!("name{i}")).collect();
        let all: Vec<Vec<Symbol>> = std::thread::scope(|scope| {
            let handles: Vec<_> =
                (0..4).map(|_| scope.spawn(|| names.iter().map(|n| Symbol::new(n)).collect())).collect();
            handles.into_iter().map(|h| h.join().unwrap()).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
