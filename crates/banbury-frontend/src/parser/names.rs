//! What a name stands for at a point of the text: a type, a value, or nobody knows.

use banbury_base::Symbol;
use rustc_hash::FxHashMap;

use super::keyword::Kw;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NameClass {
    Type,
    Value,
    Unknown,
}

/// Scoped knowledge of names. Entering and leaving a scope costs what was declared in it.
pub(super) struct Names<'a> {
    known: FxHashMap<Symbol, NameClass>,
    /// What to restore when a scope ends.
    undo: Vec<(Symbol, Option<NameClass>)>,
    scopes: u32,
    from_headers: &'a dyn Fn(Symbol) -> Option<bool>,
}

impl<'a> Names<'a> {
    pub(super) fn new(from_headers: &'a dyn Fn(Symbol) -> Option<bool>) -> Names<'a> {
        Names { known: FxHashMap::default(), undo: Vec::new(), scopes: 0, from_headers }
    }

    /// Enters a scope; the result goes to [`Names::leave`].
    pub(super) fn enter(&mut self) -> usize {
        self.scopes += 1;
        self.undo.len()
    }

    pub(super) fn leave(&mut self, mark: usize) {
        self.scopes -= 1;
        while self.undo.len() > mark {
            let Some((name, before)) = self.undo.pop() else { break };
            match before {
                Some(class) => self.known.insert(name, class),
                None => self.known.remove(&name),
            };
        }
    }

    pub(super) fn declare(&mut self, name: Symbol, class: NameClass) {
        if name.is_empty() {
            return;
        }
        let before = self.known.insert(name, class);
        if self.scopes > 0 {
            self.undo.push((name, before));
        }
    }

    pub(super) fn class(&mut self, name: Symbol, kw: Kw) -> NameClass {
        if let Some(&class) = self.known.get(&name) {
            return class;
        }
        let class = match (self.from_headers)(name) {
            Some(true) => NameClass::Type,
            Some(false) => NameClass::Value,
            None if kw == Kw::StdType => NameClass::Type,
            None if is_named_like_type(name.as_str()) => NameClass::Type,
            None => NameClass::Unknown,
        };
        self.known.insert(name, class);
        class
    }
}

/// POSIX reserves the suffix for types, and everybody follows.
fn is_named_like_type(name: &str) -> bool {
    name.len() > 2 && name.ends_with("_t")
}

/// Looks like the name of a macro: no lower-case letter, and some letter.
pub(super) fn is_all_caps(name: Symbol) -> bool {
    let text = name.as_str();
    text.len() > 1
        && text.bytes().any(|b| b.is_ascii_uppercase())
        && !text.bytes().any(|b| b.is_ascii_lowercase())
}

/// Looks like a word that stands for an attribute: `__init`, `__user`, `FOO_API`.
pub(super) fn is_attribute_like(name: Symbol) -> bool {
    name.as_str().starts_with("__") && !name.as_str().ends_with("_t") || is_all_caps(name)
}

/// Looks like the word for a property of pointers: `__user`, `__iomem`.
pub(super) fn is_qualifier_like(name: Symbol) -> bool {
    let text = name.as_str();
    text.starts_with("__") && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// Looks like a macro that iterates over its block.
pub(super) fn is_iterator_like(name: Symbol) -> bool {
    let text = name.as_str();
    let contains = |needle: &str| {
        text.len() >= needle.len()
            && text.as_bytes().windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle.as_bytes()))
    };
    contains("foreach")
        || contains("for_each")
        || contains("_each")
        || contains("_loop")
        || text.starts_with("FOR_")
        || contains("_for_")
}
