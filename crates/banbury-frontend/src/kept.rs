//! What a build leaves for the next one of the same release: of each file its declarations and
//! its lowered functions, to be used again where neither the file nor what it sees has changed.

use std::borrow::Cow;

use banbury_base::encoding::{with_names, with_names_apart, without_places};
use banbury_base::{Digest, StableHasher, Symbol};
use banbury_ir::{Record, RecordId, RecordKind, Type, TypeId, TypeTable};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::ast::TranslationUnit;
use crate::driver::Lowered;
use crate::ids::{self, Ids};
use crate::lower::world::World;

/// The files of a build, in order of their numbers.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept<'b> {
    /// What every file was read under.
    pub headers: Digest,
    /// What every function was lowered under.
    pub declarations: Digest,
    #[serde(borrow)]
    pub files: Vec<KeptFile<'b>>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct KeptFile<'b> {
    /// Of the file's bytes.
    pub text: Digest,
    /// It was read as C++.
    pub cpp: bool,
    /// Of what the file declares, wherever in it that stands.
    pub declared: Digest,
    #[serde(borrow, serialize_with = "bytes")]
    pub surveyed: Cow<'b, [u8]>,
    /// Empty if the functions were not kept.
    #[serde(borrow, serialize_with = "bytes")]
    pub lowered: Cow<'b, [u8]>,
}

fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl<'b> Kept<'b> {
    /// Nothing if the bytes are not what [`Kept::to_bytes`] wrote.
    pub fn of_bytes(bytes: &'b [u8]) -> Option<Kept<'b>> {
        postcard::from_bytes(bytes).ok()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }
}

/// Names once, then the value with their numbers.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let (body, names) = with_names_apart(|| postcard::to_allocvec(value));
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let framed = body.and_then(|body| postcard::to_allocvec(&(names, Cow::<[u8]>::from(body))));
    framed.unwrap_or_default()
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (names, body): (Vec<&str>, &[u8]) = postcard::from_bytes(bytes).ok()?;
    let names = names.into_iter().map(Symbol::new).collect();
    with_names(names, || postcard::from_bytes(body)).ok()
}

/// Names what a file declares, wherever that stands.
pub(crate) fn declared(unit: &TranslationUnit) -> Digest {
    StableHasher::new().bytes(&without_places(|| encode(unit))).finish()
}

/// Lowered functions with what their types and records are: the numbers of those differ from
/// run to run.
#[derive(Serialize, Deserialize)]
struct Portable {
    lowered: Lowered,
    /// Each after what it is made of, but for the members of records.
    meanings: Vec<Meaning>,
}

/// What a number stands for. Records that stand at file scope keep theirs as long as the
/// declarations are the same.
#[derive(Serialize, Deserialize)]
enum Meaning {
    Type(TypeId, Type),
    /// Known by its name and template arguments only.
    Named(RecordId, RecordKind, Symbol, Vec<TypeId>),
    /// Defined within a function.
    Own(RecordId, Record),
}

pub(crate) fn encode_lowered(world: &World<'_>, lowered: &mut Lowered) -> Vec<u8> {
    let mut meanings =
        Meanings { world, list: Vec::new(), types: Default::default(), records: Default::default() };
    visit(lowered, &mut meanings);
    let portable = Portable { lowered: std::mem::take(lowered), meanings: meanings.list };
    let bytes = encode(&portable);
    *lowered = portable.lowered;
    bytes
}

pub(crate) fn decode_lowered(world: &World<'_>, bytes: &[u8]) -> Option<Lowered> {
    let mut portable: Portable = decode(bytes)?;
    visit(&mut portable.lowered, &mut Renumbering::new(world, portable.meanings));
    Some(portable.lowered)
}

fn visit(lowered: &mut Lowered, visitor: &mut impl Ids) {
    lowered.functions.iter_mut().for_each(|function| ids::in_function(function, visitor));
    lowered.statics.iter_mut().for_each(|global| ids::in_global(global, visitor));
}

/// Whether the type has the same number in every table.
fn is_constant(id: TypeId) -> bool {
    id <= TypeTable::F64
}

/// Gathers what numbers stand for.
struct Meanings<'w> {
    world: &'w World<'w>,
    list: Vec<Meaning>,
    types: FxHashSet<TypeId>,
    records: FxHashSet<RecordId>,
}

impl Ids for Meanings<'_> {
    fn ty(&mut self, id: &mut TypeId) {
        if is_constant(*id) || !self.types.insert(*id) {
            return;
        }
        let mut ty = self.world.types.get(*id).clone();
        in_type(&mut ty, self);
        self.list.push(Meaning::Type(*id, ty));
    }

    fn record(&mut self, id: &mut RecordId) {
        if self.world.is_declared(*id) || !self.records.insert(*id) {
            return;
        }
        let Some(record) = self.world.types.record(*id) else { return };
        if record.span.is_none() {
            let mut arguments = self.world.arguments_of(*id);
            arguments.iter_mut().for_each(|argument| self.ty(argument));
            self.list.push(Meaning::Named(*id, record.kind, record.name, arguments));
        } else {
            let mut record = record.clone();
            record.fields.iter_mut().for_each(|field| self.ty(&mut field.ty));
            self.list.push(Meaning::Own(*id, record));
        }
    }
}

fn in_type(ty: &mut Type, ids: &mut impl Ids) {
    match ty {
        Type::Pointer(to) | Type::Array(to, _) => ids.ty(to),
        Type::Record(record) => ids.record(record),
        Type::Function { ret, params, .. } => {
            ids.ty(ret);
            params.iter_mut().for_each(|param| ids.ty(param));
        }
        Type::Unknown | Type::Void | Type::Bool | Type::Int { .. } | Type::Float(_) => {}
    }
}

/// From the numbers that were written to those of this run.
struct Renumbering<'w> {
    world: &'w World<'w>,
    types: FxHashMap<TypeId, TypeId>,
    records: FxHashMap<RecordId, RecordId>,
}

impl<'w> Renumbering<'w> {
    fn new(world: &'w World<'w>, meanings: Vec<Meaning>) -> Self {
        let (types, records) = (FxHashMap::default(), FxHashMap::default());
        let mut numbers = Renumbering { world, types, records };
        // Records may lead back to themselves.
        for meaning in &meanings {
            if let Meaning::Own(id, _) = meaning {
                numbers.records.insert(*id, world.types.declare_record());
            }
        }
        let mut own = Vec::new();
        for meaning in meanings {
            match meaning {
                Meaning::Type(id, mut ty) => {
                    in_type(&mut ty, &mut numbers);
                    numbers.types.insert(id, world.types.intern(ty));
                }
                Meaning::Named(id, kind, name, mut arguments) => {
                    arguments.iter_mut().for_each(|argument| numbers.ty(argument));
                    numbers.records.insert(id, world.opaque_record(name, kind, &arguments));
                }
                Meaning::Own(id, record) => own.push((id, record)),
            }
        }
        for (mut id, mut record) in own {
            record.fields.iter_mut().for_each(|field| numbers.ty(&mut field.ty));
            numbers.record(&mut id);
            world.types.define_record(id, record);
        }
        numbers
    }
}

impl Ids for Renumbering<'_> {
    fn ty(&mut self, id: &mut TypeId) {
        if !is_constant(*id) {
            *id = self.types.get(id).copied().unwrap_or(TypeTable::UNKNOWN);
        }
    }

    fn record(&mut self, id: &mut RecordId) {
        if !self.world.is_declared(*id) {
            *id = self.records.get(id).copied().unwrap_or(RecordId(u32::MAX));
        }
    }
}
