use std::sync::{OnceLock, RwLock};

use banbury_base::{Span, Symbol};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A structurally interned type of one [`TypeTable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// A struct, union or class definition of one [`TypeTable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RecordId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum FloatKind {
    F32,
    F64,
    /// `long double` and wider.
    Wide,
}

/// Shape of values. Qualifiers are not part of a type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Type {
    /// Not known; behaves as an opaque scalar.
    Unknown,
    Void,
    Bool,
    /// `char` is `Int { bits: 8, signed: true }` on the targets at hand.
    Int {
        bits: u16,
        signed: bool,
    },
    Float(FloatKind),
    Pointer(TypeId),
    /// Element type and count; `None` where the count is not constant or missing (`[]`).
    Array(TypeId, Option<u64>),
    Record(RecordId),
    /// A function: result and parameters, and whether more may follow.
    Function {
        ret: TypeId,
        params: Box<[TypeId]>,
        variadic: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordKind {
    Struct,
    Union,
    Class,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub kind: RecordKind,
    /// Tag, or the typedef's name for an untagged one; may be empty.
    pub name: Symbol,
    pub span: Span,
    pub fields: Vec<Field>,
    /// Base classes (C++).
    pub bases: Vec<Symbol>,
    /// Size in bytes; `None` where a member's type is unknown or the definition is missing.
    pub size: Option<u64>,
    pub align: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Empty for an anonymous struct or union member.
    pub name: Symbol,
    pub ty: TypeId,
    /// Offset in bytes; `None` behind a member of unknown size.
    pub offset: Option<u64>,
    /// Width of a bit-field.
    pub bits: Option<u16>,
}

/// All types of a release. Interning works through a shared reference so that files are
/// lowered in parallel; ids depend on the order of interning and never reach a result.
pub struct TypeTable {
    types: boxcar::Vec<Type>,
    ids: RwLock<FxHashMap<Type, TypeId>>,
    records: boxcar::Vec<OnceLock<Record>>,
    /// Bytes of a pointer: 8 for LP64, 4 for ILP32.
    pub pointer_bytes: u64,
}

impl Default for TypeTable {
    fn default() -> Self {
        TypeTable::new(8)
    }
}

impl TypeTable {
    pub const UNKNOWN: TypeId = TypeId(0);
    pub const VOID: TypeId = TypeId(1);
    pub const BOOL: TypeId = TypeId(2);
    /// `char`
    pub const I8: TypeId = TypeId(3);
    pub const U8: TypeId = TypeId(4);
    pub const I16: TypeId = TypeId(5);
    pub const U16: TypeId = TypeId(6);
    /// `int`
    pub const I32: TypeId = TypeId(7);
    pub const U32: TypeId = TypeId(8);
    pub const I64: TypeId = TypeId(9);
    pub const U64: TypeId = TypeId(10);
    pub const F32: TypeId = TypeId(11);
    pub const F64: TypeId = TypeId(12);

    /// A table with the scalar types at their constant ids.
    pub fn new(pointer_bytes: u64) -> Self {
        let int = |bits, signed| Type::Int { bits, signed };
        let first = [
            Type::Unknown,
            Type::Void,
            Type::Bool,
            int(8, true),
            int(8, false),
            int(16, true),
            int(16, false),
            int(32, true),
            int(32, false),
            int(64, true),
            int(64, false),
            Type::Float(FloatKind::F32),
            Type::Float(FloatKind::F64),
        ];
        let types = boxcar::Vec::new();
        let mut ids = FxHashMap::default();
        for ty in first {
            let id = TypeId(types.push(ty.clone()) as u32);
            ids.insert(ty, id);
        }
        TypeTable { types, ids: RwLock::new(ids), records: boxcar::Vec::new(), pointer_bytes }
    }

    pub fn intern(&self, ty: Type) -> TypeId {
        if let Some(&id) = self.ids.read().unwrap_or_else(|e| e.into_inner()).get(&ty) {
            return id;
        }
        let mut ids = self.ids.write().unwrap_or_else(|e| e.into_inner());
        if let Some(&id) = ids.get(&ty) {
            return id;
        }
        let id = TypeId(self.types.push(ty.clone()) as u32);
        ids.insert(ty, id);
        id
    }

    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    pub fn pointer_to(&self, id: TypeId) -> TypeId {
        self.intern(Type::Pointer(id))
    }

    pub fn array_of(&self, id: TypeId, count: Option<u64>) -> TypeId {
        self.intern(Type::Array(id, count))
    }

    /// Adds a record; each definition is its own record.
    pub fn add_record(&self, record: Record) -> RecordId {
        let id = self.declare_record();
        self.define_record(id, record);
        id
    }

    /// Reserves an id, so that a record may refer to itself before it is complete.
    pub fn declare_record(&self) -> RecordId {
        RecordId(self.records.push(OnceLock::new()) as u32)
    }

    /// Completes a declared record. The first definition stays: threads that compute it at the
    /// same time compute the same.
    pub fn define_record(&self, id: RecordId, record: Record) {
        if let Some(cell) = self.records.get(id.0 as usize) {
            let _ = cell.set(record);
        }
    }

    /// The record, unless it is only declared.
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(id.0 as usize)?.get()
    }

    pub fn record_count(&self) -> usize {
        self.records.count()
    }

    /// Size in bytes, where known.
    pub fn size_of(&self, id: TypeId) -> Option<u64> {
        match self.get(id) {
            Type::Unknown | Type::Function { .. } => None,
            Type::Void | Type::Bool => Some(1),
            Type::Int { bits, .. } => Some(u64::from(*bits).div_ceil(8)),
            Type::Float(FloatKind::F32) => Some(4),
            Type::Float(FloatKind::F64) => Some(8),
            Type::Float(FloatKind::Wide) => Some(16),
            Type::Pointer(_) => Some(self.pointer_bytes),
            Type::Array(of, count) => self.size_of(*of)?.checked_mul((*count)?),
            Type::Record(record) => self.record(*record)?.size,
        }
    }

    /// Alignment in bytes (1 where unknown).
    pub fn align_of(&self, id: TypeId) -> u64 {
        match self.get(id) {
            Type::Array(of, _) => self.align_of(*of),
            Type::Record(record) => self.record(*record).map_or(1, |r| u64::from(r.align.max(1))),
            Type::Float(FloatKind::Wide) => 16,
            _ => self.size_of(id).unwrap_or(1).clamp(1, 8),
        }
    }

    /// The pointed-to type of a pointer, or the element type of an array.
    pub fn pointee(&self, id: TypeId) -> Option<TypeId> {
        match self.get(id) {
            Type::Pointer(to) => Some(*to),
            Type::Array(of, _) => Some(*of),
            _ => None,
        }
    }

    pub fn is_pointer(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Pointer(_))
    }

    /// Width and signedness of an integer type (`bool` is an unsigned bit).
    pub fn int_info(&self, id: TypeId) -> Option<(u16, bool)> {
        match self.get(id) {
            Type::Int { bits, signed } => Some((*bits, *signed)),
            Type::Bool => Some((1, false)),
            _ => None,
        }
    }

    /// The mathematical value of a [`crate::Const::Int`].
    pub fn int_value(&self, bits: i64, ty: TypeId) -> i128 {
        match self.get(ty) {
            Type::Int { signed: false, .. } | Type::Bool | Type::Pointer(_) => i128::from(bits as u64),
            _ => i128::from(bits),
        }
    }

    /// C-like rendering, for messages and the printed IR.
    pub fn name(&self, id: TypeId) -> String {
        match self.get(id) {
            Type::Unknown => "?".into(),
            Type::Void => "void".into(),
            Type::Bool => "bool".into(),
            Type::Int { bits, signed } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
            Type::Float(FloatKind::F32) => "f32".into(),
            Type::Float(FloatKind::F64) => "f64".into(),
            Type::Float(FloatKind::Wide) => "f128".into(),
            Type::Pointer(to) => format!("{}*", self.name(*to)),
            Type::Array(of, Some(n)) => format!("{}[{n}]", self.name(*of)),
            Type::Array(of, None) => format!("{}[]", self.name(*of)),
            Type::Record(record) => self.record(*record).map_or("record".into(), |r| {
                let kind = match r.kind {
                    RecordKind::Struct => "struct",
                    RecordKind::Union => "union",
                    RecordKind::Class => "class",
                };
                format!("{kind} {}", if r.name.is_empty() { "<anonymous>" } else { r.name.as_str() })
            }),
            Type::Function { ret, params, variadic } => {
                let mut names: Vec<String> = params.iter().map(|p| self.name(*p)).collect();
                if *variadic {
                    names.push("...".into());
                }
                format!("{}({})", self.name(*ret), names.join(", "))
            }
        }
    }
}
