//! How values that are made of symbols and spans are written to a cache and read back.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Span, Symbol};

thread_local! {
    static WRITTEN: RefCell<Option<Names>> = const { RefCell::new(None) };
    static READ: RefCell<Option<Vec<Symbol>>> = const { RefCell::new(None) };
    static PLACES_LEFT_OUT: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[derive(Default)]
struct Names {
    numbers: FxHashMap<Symbol, u32>,
    list: Vec<Symbol>,
}

/// Runs `write`, in which symbols are written as numbers. Returns what the numbers stand for.
pub fn with_names_apart<T>(write: impl FnOnce() -> T) -> (T, Vec<Symbol>) {
    WRITTEN.set(Some(Names::default()));
    let value = write();
    let names = WRITTEN.take().unwrap_or_default();
    (value, names.list)
}

/// Runs `read`, in which symbols are numbers into `names`.
pub fn with_names<T>(names: Vec<Symbol>, read: impl FnOnce() -> T) -> T {
    READ.set(Some(names));
    let value = read();
    READ.set(None);
    value
}

/// Runs `write`, in which spans and lines are left out. What is written cannot be read back, but
/// tells whether two values are the same wherever they stand.
pub fn without_places<T>(write: impl FnOnce() -> T) -> T {
    PLACES_LEFT_OUT.set(true);
    let value = write();
    PLACES_LEFT_OUT.set(false);
    value
}

/// The number to write for the symbol, if names are kept apart.
pub(crate) fn number_of(symbol: Symbol) -> Option<u32> {
    WRITTEN.with_borrow_mut(|names| {
        let Names { numbers, list } = names.as_mut()?;
        Some(*numbers.entry(symbol).or_insert_with(|| {
            list.push(symbol);
            list.len() as u32 - 1
        }))
    })
}

pub(crate) fn names_are_apart() -> bool {
    READ.with_borrow(Option::is_some)
}

/// What a number stands for.
pub(crate) fn symbol_of(number: u32) -> Option<Symbol> {
    READ.with_borrow(|names| names.as_ref()?.get(number as usize).copied())
}

/// A line number, for `serialize_with`.
pub fn line<S: Serializer>(line: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    if PLACES_LEFT_OUT.get() { serializer.serialize_unit() } else { line.serialize(serializer) }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if PLACES_LEFT_OUT.get() {
            return serializer.serialize_unit();
        }
        let mut fields = serializer.serialize_struct("Span", 4)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("col", &self.col)?;
        fields.serialize_field("len", &self.len)?;
        fields.end()
    }
}

/// Deeper values than any that this program makes.
const MAX_DEPTH: u32 = 4096;

/// For `deserialize_with` on the parts through which a type holds itself: damaged or made-up
/// bytes must not exhaust the stack.
pub fn nested<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let depth = DEPTH.get();
    if depth >= MAX_DEPTH {
        return Err(serde::de::Error::custom("nested too deeply"));
    }
    DEPTH.set(depth + 1);
    let value = T::deserialize(deserializer);
    DEPTH.set(depth);
    value
}
