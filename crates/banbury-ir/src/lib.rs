//! Language-neutral intermediate representation of a release: types, globals, and functions as
//! control-flow graphs of a dozen simple instructions over typed places.
//!
//! Everything a front end for another language would not share stays out of here: there are
//! pointers, records and integers of given widths, but no declarators, no macros (only the name
//! of the macro an instruction came from), no implicit conversions.
//!
//! Conventions that every producer and consumer relies on:
//! - A [`Place`] is a local or global followed by projections. `p[i]` on a pointer is
//!   [`Proj::At`], `a[i]` on an array is [`Proj::Elem`], `*p` is [`Proj::Deref`].
//! - Evaluation order is left to right; short-circuit operators and `?:` are control flow.
//! - An array that is used as a value becomes the address of its first element:
//!   `AddrOf(a[0])`. A function name used as a value is [`Const::Func`].
//! - Comparisons yield 0 or 1 in an `int`-typed temporary; a [`Terminator::Branch`] takes the
//!   `then` edge when its condition is non-zero.
//! - Pointer arithmetic is [`Rvalue::PtrAdd`], scaled by the element type; pointer difference
//!   is [`BinOp::PtrDiff`] in elements.
//! - All implicit integer conversions are explicit [`Rvalue::Cast`]s, so that a truncation or a
//!   change of sign is visible as an instruction.

mod print;
mod types;

use banbury_base::{FileId, Span, Symbol};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use print::print_function;
pub use types::{Field, FloatKind, Record, RecordId, RecordKind, Type, TypeId, TypeTable};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            pub fn index(self) -> usize { self.0 as usize }
        }
    };
}

index!(/// A parameter, declared variable or temporary of one function.
    LocalId);
index!(/// A basic block of one function; block 0 is the entry.
    BlockId);
index!(/// A function with a body in [`Program::functions`].
    FuncId);
index!(/// A variable with static storage in [`Program::globals`].
    GlobalId);

/// A whole release after the front end, ready for analysis.
#[derive(Default)]
pub struct Program {
    pub types: TypeTable,
    pub globals: Vec<Global>,
    /// Sorted by (file, line).
    pub functions: Vec<Function>,
    /// Functions by name, in the order of `functions`. A name has several entries when copies of
    /// a file, several executables or `static` functions define it.
    pub by_name: rustc_hash::FxHashMap<Symbol, Vec<FuncId>>,
    /// Those inside a namespace (`a::b`), by it and their name.
    pub by_namespace: rustc_hash::FxHashMap<(Symbol, Symbol), Vec<FuncId>>,
    /// Namespaces that each file opens or uses, the innermost first.
    pub file_namespaces: Vec<Box<[Symbol]>>,
    /// Directory of each file, indexed by [`FileId`]; nearest definition wins among copies.
    pub file_paths: Vec<String>,
}

/// A variable with static storage duration (file scope, or `static` in a function).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Global {
    pub name: Symbol,
    pub ty: TypeId,
    pub span: Span,
    /// Visible in its file only (or its function only).
    pub is_static: bool,
    /// Declared `const`.
    pub is_const: bool,
    /// Only declared `extern` in what we have; the initial value is unknown.
    pub is_extern: bool,
    pub init: Init,
}

/// A static initialiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Init {
    /// All zero.
    Zero,
    /// A scalar constant.
    Const(Const),
    /// Fields or elements by position; what is not listed is zero.
    List(#[serde(deserialize_with = "banbury_base::encoding::nested")] Vec<(u32, Init)>),
    /// Not a constant this front end can evaluate.
    Unknown,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    /// `Class::method` in C++; template arguments are left out.
    pub name: Symbol,
    pub file: FileId,
    /// The name in its definition.
    pub span: Span,
    pub end_line: u32,
    pub is_static: bool,
    pub is_variadic: bool,
    /// Declared noreturn.
    pub is_noreturn: bool,
    pub ret: TypeId,
    /// The first `params` locals are the parameters, in order.
    pub params: u32,
    pub locals: Vec<Local>,
    pub blocks: Vec<Block>,
    /// What of the source text did not reach the IR.
    pub gaps: Vec<Gap>,
}

/// A region of a function that was not understood. A function with gaps is counted as not
/// fully analysed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gap {
    pub span: Span,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Local {
    /// Empty for temporaries.
    pub name: Symbol,
    pub ty: TypeId,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Block {
    pub instrs: Vec<Instr>,
    pub term: Terminator,
    /// Place of the terminator (the condition of a branch, the `return` keyword, ...).
    pub term_span: Span,
    /// Macro that the terminator came from.
    pub term_macro: Symbol,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instr {
    pub op: Op,
    pub span: Span,
    /// Name of the outermost macro that this came from, or empty.
    pub in_macro: Symbol,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Op {
    /// `dst = src`
    Assign { dst: Place, src: Rvalue },
    /// `dst = callee(args)`
    Call { dst: Option<Place>, callee: Callee, args: Vec<Operand> },
    /// The local comes into scope with indeterminate contents (each time round a loop).
    Declare(LocalId),
    /// The local goes out of scope.
    Dead(LocalId),
    /// Sets `bytes` bytes of the place to zero (aggregate initialisers before their members).
    Zero(Place),
    /// Effects unknown: inline assembly or a region that did not parse.
    Opaque,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Callee {
    /// By name. [`Program::resolve`] finds the definition, if the release has one.
    Direct(Symbol),
    /// Through a pointer.
    Indirect(Operand),
    /// A C++ virtual method: (class, method). The object is the first argument.
    Virtual(Symbol, Symbol),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rvalue {
    Use(Operand),
    Unary(UnOp, Operand),
    /// Both operands have the type of the result, but for shifts, comparisons and `PtrDiff`.
    Binary(BinOp, Operand, Operand),
    /// Conversion to the type.
    Cast(TypeId, Operand),
    AddrOf(Place),
    /// `ptr + index` (or `ptr - index` if `negative`), scaled by the size of `elem`.
    PtrAdd {
        ptr: Operand,
        index: Operand,
        elem: TypeId,
        negative: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operand {
    /// The value held in the place.
    Copy(Place),
    Const(Const),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Const {
    /// 64 bits, to be read by the type's signedness: use [`TypeTable::int_value`].
    Int(i64, TypeId),
    Float(f64, TypeId),
    /// Address of a string literal. `len` counts elements without the terminating zero.
    Str {
        text: Symbol,
        len: u32,
        wide: bool,
    },
    /// Address of a function.
    Func(Symbol),
    /// Address of a global, plus a byte offset (static initialisers).
    GlobalAddr(GlobalId, i64),
    /// `sizeof(T)` where the size is not known.
    UnknownInt(TypeId),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    pub base: Base,
    pub proj: Box<[Proj]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Base {
    Local(LocalId),
    Global(GlobalId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Proj {
    /// `*p`
    Deref,
    /// `p[i]` through a pointer: the element at `i` from where it points.
    At(Index),
    /// `a[i]` of an array.
    Elem(Index),
    /// `.name`
    Field(FieldRef),
}

/// An index: a constant, or a local that holds it (front ends put anything else in a temporary).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Index {
    Const(i64),
    Local(LocalId),
}

/// A field by name; the record and position are there when its type is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FieldRef {
    pub name: Symbol,
    pub record: Option<RecordId>,
    pub index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnOp {
    Neg,
    /// Bitwise complement.
    Not,
    /// Logical negation: 1 if the operand is zero or null.
    LogicalNot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Pointer difference in elements of the pointed-to type.
    PtrDiff,
}

impl BinOp {
    pub fn is_comparison(self) -> bool {
        matches!(self, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Terminator {
    Goto(BlockId),
    Branch {
        cond: Operand,
        then: BlockId,
        other: BlockId,
    },
    /// Inclusive ranges of the value to targets.
    Switch {
        value: Operand,
        cases: Vec<(i128, i128, BlockId)>,
        default: BlockId,
    },
    Return(Option<Operand>),
    /// Control does not get here (after a noreturn call, at the end of a dead block).
    Unreachable,
}

impl Terminator {
    pub fn successors(&self) -> SmallVec<[BlockId; 4]> {
        match self {
            Terminator::Goto(b) => SmallVec::from_slice(&[*b]),
            Terminator::Branch { then, other, .. } => SmallVec::from_slice(&[*then, *other]),
            Terminator::Switch { cases, default, .. } => {
                let mut out: SmallVec<[BlockId; 4]> = cases.iter().map(|c| c.2).collect();
                out.push(*default);
                out
            }
            Terminator::Return(_) | Terminator::Unreachable => SmallVec::new(),
        }
    }
}

impl Place {
    pub fn local(id: LocalId) -> Place {
        Place { base: Base::Local(id), proj: Box::default() }
    }

    pub fn global(id: GlobalId) -> Place {
        Place { base: Base::Global(id), proj: Box::default() }
    }

    /// The local itself, if there is no projection.
    pub fn as_local(&self) -> Option<LocalId> {
        match self.base {
            Base::Local(id) if self.proj.is_empty() => Some(id),
            _ => None,
        }
    }

    /// The local that it is in or is reached from.
    pub fn base_local(&self) -> Option<LocalId> {
        match self.base {
            Base::Local(id) => Some(id),
            Base::Global(_) => None,
        }
    }

    /// The place lies behind a pointer that its variable holds or leads to.
    pub fn is_behind_pointer(&self) -> bool {
        self.proj.iter().any(|step| matches!(step, Proj::Deref | Proj::At(_)))
    }
}

impl Operand {
    pub fn local(id: LocalId) -> Operand {
        Operand::Copy(Place::local(id))
    }
}

impl Program {
    /// The definition that a call of `name` from `from` means: one of the same file, else an
    /// external one in a namespace that the file opens or uses, else any external one; among
    /// several that with the longest common directory prefix.
    pub fn resolve(&self, from: FileId, name: Symbol) -> Option<FuncId> {
        let candidates = self.by_name.get(&name)?;
        let own = candidates.partition_point(|id| self.functions[id.index()].file < from);
        if let Some(&own) = candidates.get(own).filter(|id| self.functions[id.index()].file == from) {
            return Some(own);
        }
        let namespaces = self.file_namespaces.get(from.index()).map_or(&[][..], |all| all);
        let inside = namespaces.iter().filter_map(|&namespace| self.by_namespace.get(&(namespace, name)));
        inside.chain([candidates]).find_map(|candidates| self.nearest(from, candidates))
    }

    fn nearest(&self, from: FileId, candidates: &[FuncId]) -> Option<FuncId> {
        let from_path = self.file_paths.get(from.index()).map_or("", String::as_str);
        let mut best: Option<(usize, FuncId)> = None;
        for &id in candidates {
            let function = &self.functions[id.index()];
            // A `static` definition in a header is copied into whoever includes it.
            let path = self.file_paths.get(function.file.index()).map_or("", String::as_str);
            if function.is_static && !is_header(path) {
                continue;
            }
            let common = common_directories(from_path, path);
            if best.is_none_or(|(score, _)| common > score) {
                best = Some((common, id));
            }
        }
        best.map(|(_, id)| id)
    }

    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.index()]
    }
}

fn is_header(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("h" | "hh" | "hpp" | "hxx" | "inc" | "ipp"))
}

fn common_directories(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(x, y)| x == y).count()
}

impl Function {
    /// The type of a place, or `None` where a projection does not fit what it is applied to.
    pub fn place_type(&self, place: &Place, globals: &[Global], types: &TypeTable) -> Option<TypeId> {
        let mut ty = match place.base {
            Base::Local(id) => self.locals.get(id.index())?.ty,
            Base::Global(id) => globals.get(id.index())?.ty,
        };
        for proj in &place.proj {
            ty = match (proj, types.get(ty)) {
                (Proj::Deref | Proj::At(_), Type::Pointer(to)) => *to,
                (Proj::Deref | Proj::At(_) | Proj::Elem(_), Type::Array(of, _)) => *of,
                (Proj::Field(field), _) => {
                    let record = types.record(field.record?)?;
                    record.fields.get(field.index as usize)?.ty
                }
                _ => return None,
            };
        }
        Some(ty)
    }

    pub fn param_ids(&self) -> impl Iterator<Item = LocalId> + use<> {
        (0..self.params).map(LocalId)
    }
}
