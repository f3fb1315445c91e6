//! Names inside a function.

use banbury_base::Symbol;
use banbury_ir::{GlobalId, LocalId, TypeId};
use rustc_hash::FxHashMap;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding {
    Local(LocalId),
    Global(GlobalId, TypeId),
    Function(TypeId),
    Type(TypeId),
    Constant(i64),
}

/// A name's innermost meaning, with the one that it hides.
struct Entry {
    name: Symbol,
    is_tag: bool,
    hidden: Option<Meaning>,
}

#[derive(Clone, Copy)]
enum Meaning {
    Name(Binding),
    Tag(TypeId),
}

#[derive(Default)]
struct Frame {
    first: usize,
    /// Locals to end with the scope, in order of declaration.
    declared: Vec<LocalId>,
}

#[derive(Default)]
pub(crate) struct Scopes {
    names: FxHashMap<Symbol, Binding>,
    tags: FxHashMap<Symbol, TypeId>,
    log: Vec<Entry>,
    frames: Vec<Frame>,
}

impl Scopes {
    pub fn push(&mut self) {
        self.frames.push(Frame { first: self.log.len(), declared: Vec::new() });
    }

    /// Ends the innermost scope. Returns the locals declared in it.
    pub fn pop(&mut self) -> Vec<LocalId> {
        let Some(frame) = self.frames.pop() else { return Vec::new() };
        while self.log.len() > frame.first {
            let Some(entry) = self.log.pop() else { break };
            match entry.hidden {
                Some(Meaning::Name(binding)) => {
                    self.names.insert(entry.name, binding);
                }
                Some(Meaning::Tag(ty)) => {
                    self.tags.insert(entry.name, ty);
                }
                None if entry.is_tag => {
                    self.tags.remove(&entry.name);
                }
                None => {
                    self.names.remove(&entry.name);
                }
            }
        }
        frame.declared
    }

    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    pub fn bind(&mut self, name: Symbol, binding: Binding) {
        let hidden = self.names.insert(name, binding).map(Meaning::Name);
        self.log.push(Entry { name, is_tag: false, hidden });
    }

    pub fn bind_tag(&mut self, name: Symbol, ty: TypeId) {
        let hidden = self.tags.insert(name, ty).map(Meaning::Tag);
        self.log.push(Entry { name, is_tag: true, hidden });
    }

    pub fn declare(&mut self, id: LocalId) {
        if let Some(frame) = self.frames.last_mut() {
            frame.declared.push(id);
        }
    }

    /// Locals of the scopes from `depth` inwards, innermost last.
    pub fn declared_since(&self, depth: usize) -> impl DoubleEndedIterator<Item = LocalId> + '_ {
        self.frames.iter().skip(depth).flat_map(|frame| frame.declared.iter().copied())
    }

    pub fn get(&self, name: Symbol) -> Option<Binding> {
        self.names.get(&name).copied()
    }

    pub fn tag(&self, tag: Symbol) -> Option<TypeId> {
        self.tags.get(&tag).copied()
    }
}
