//! Syntax of C11 with GNU extensions, and as much of C++17 as lowering understands. Both
//! parsers produce it: the hand-written one for C and the adaptor over tree-sitter for C++.
//!
//! Nothing here is resolved: a type may be a name, an identifier may be anything.

use banbury_base::encoding::nested;
use banbury_base::{Span, Symbol};
use serde::{Deserialize, Serialize};

/// One file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TranslationUnit {
    pub decls: Vec<Decl>,
    /// Regions at file scope that did not parse.
    pub errors: Vec<SyntaxError>,
    /// C++ namespaces that the file opens or uses, as written (`a::b`), without `std`.
    pub namespaces: Vec<Symbol>,
}

/// A region that was skipped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Decl {
    Function(Box<FunctionDef>),
    /// `int a = 1, *b;`, prototypes, typedefs; one entry per declarator. A declaration without
    /// declarators (`struct s { ... };`) has an empty list.
    Vars(VarDecl),
    /// `_Static_assert`, stray `;`, asm at file scope and the like are dropped by the parser.
    /// C++: members are flattened with qualified names; `namespace` is transparent.
    Class(Box<RecordSpec>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FunctionDef {
    /// Qualified with `::` in C++ (`Class::method`), without namespaces and template arguments.
    pub name: Symbol,
    pub span: Span,
    #[serde(serialize_with = "banbury_base::encoding::line")]
    pub end_line: u32,
    pub specs: DeclSpecs,
    /// The full declarator type; its outermost layer is [`TypeExpr::Function`].
    pub ty: TypeExpr,
    pub body: Block,
    /// Class of a C++ member function.
    pub class: Option<Symbol>,
    /// The C++ namespaces around it (`a::b`), or empty.
    pub namespace: Symbol,
    /// Constructor initialisers (C++): member or base, arguments.
    pub ctor_inits: Vec<(Symbol, Vec<Expr>, Span)>,
    /// Regions inside the body that were skipped.
    pub errors: Vec<SyntaxError>,
}

/// Storage class and function specifiers of a declaration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DeclSpecs {
    pub is_typedef: bool,
    pub is_static: bool,
    pub is_extern: bool,
    pub is_inline: bool,
    pub is_const: bool,
    pub is_noreturn: bool,
    pub is_virtual: bool,
    /// Other attributes by name, e.g. `format`, `malloc`, `cleanup`, `packed`.
    pub attributes: Vec<Symbol>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VarDecl {
    pub specs: DeclSpecs,
    /// The type named by the specifiers; defines records and enums that it spells out.
    pub base: TypeExpr,
    pub declarators: Vec<Declarator>,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Declarator {
    /// Empty for an unnamed bit-field or parameter.
    pub name: Symbol,
    pub span: Span,
    /// The complete type: `base` wrapped by the declarator. Where `base` defines a record or
    /// enum, this refers to it by [`TypeExpr::Base`].
    pub ty: TypeExpr,
    pub bits: Option<Box<Expr>>,
    pub init: Option<Init>,
    pub attributes: Vec<Symbol>,
}

impl Declarator {
    /// The initialiser, where it may decide how many elements there are: `T a[] = ...`. Where a
    /// length is written it does not, even if that length cannot be computed.
    pub fn counting_init(&self) -> Option<&Init> {
        self.init.as_ref().filter(|_| !matches!(self.ty, TypeExpr::Array(_, Some(_))))
    }
}

/// A type as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TypeExpr {
    /// Built-in arithmetic type, `void` or `bool`.
    Builtin(Builtin),
    /// A typedef name, class name, or a name this file does not explain.
    Named(Symbol),
    /// `struct tag`, `union tag`, `class tag`, with its definition if it has one here.
    Record(Box<RecordSpec>),
    /// `enum tag`, with its constants if it is defined here.
    Enum(Box<EnumSpec>),
    /// Inside a declarator: the specifiers' type of the surrounding [`VarDecl`] (or
    /// [`Param`], [`TypeName`]), so that a definition is written down once.
    Base,
    Pointer(#[serde(deserialize_with = "nested")] Box<TypeExpr>),
    /// C++ `T&` and `T&&`.
    Reference(#[serde(deserialize_with = "nested")] Box<TypeExpr>),
    /// Element type and count; no count for `[]`, and for `[*]`.
    Array(#[serde(deserialize_with = "nested")] Box<TypeExpr>, Option<Box<Expr>>),
    Function {
        #[serde(deserialize_with = "nested")]
        ret: Box<TypeExpr>,
        params: Vec<Param>,
        variadic: bool,
    },
    /// `typeof(expr)`, `decltype(expr)`, or `auto` with the initialiser's type (`None`).
    TypeOf(Option<Box<Expr>>),
    /// C++ template instance: `std::vector<int>` is (`std::vector`, [int]).
    Template(Symbol, #[serde(deserialize_with = "nested")] Vec<TypeExpr>),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Builtin {
    Void,
    Bool,
    Char,
    SChar,
    UChar,
    Short,
    UShort,
    Int,
    UInt,
    Long,
    ULong,
    LongLong,
    ULongLong,
    Int128,
    UInt128,
    Float,
    Double,
    LongDouble,
    WChar,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordSpec {
    pub kind: banbury_ir::RecordKind,
    /// Empty if untagged.
    pub tag: Symbol,
    pub span: Span,
    /// `None`: only named here, not defined.
    #[serde(deserialize_with = "nested")]
    pub members: Option<Vec<Member>>,
    pub packed: bool,
    pub bases: Vec<Symbol>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Member {
    Field(VarDecl),
    /// C++ member function declared or defined in the class; a definition is also a
    /// [`Decl::Function`] at file scope with its qualified name.
    Method {
        name: Symbol,
        is_virtual: bool,
        is_static: bool,
        ty: TypeExpr,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnumSpec {
    pub tag: Symbol,
    pub span: Span,
    pub constants: Option<Vec<(Symbol, Option<Expr>)>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Param {
    /// Empty if unnamed.
    pub name: Symbol,
    pub span: Span,
    #[serde(deserialize_with = "nested")]
    pub base: TypeExpr,
    #[serde(deserialize_with = "nested")]
    pub ty: TypeExpr,
}

/// `(T)`, `sizeof(T)`, ...
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TypeName {
    #[serde(deserialize_with = "nested")]
    pub base: TypeExpr,
    #[serde(deserialize_with = "nested")]
    pub ty: TypeExpr,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Init {
    Expr(Expr),
    /// Braced list, in order, each with its designators.
    List(Vec<InitEntry>, Span),
    /// C++ `T x(args)` and `T x{args}` of class type.
    Construct(Vec<Expr>, Span),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InitEntry {
    pub designators: Vec<Designator>,
    #[serde(deserialize_with = "nested")]
    pub value: Init,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Designator {
    Field(Symbol),
    Index(Expr),
    /// GNU `[a ... b]`
    Range(Expr, Expr),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Block {
    pub stmts: Vec<Stmt>,
    /// Line of the closing brace.
    #[serde(serialize_with = "banbury_base::encoding::line")]
    pub end_line: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stmt {
    #[serde(deserialize_with = "nested")]
    pub kind: StmtKind,
    pub span: Span,
    pub in_macro: Symbol,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StmtKind {
    Empty,
    Expr(Expr),
    Decl(VarDecl),
    Block(Block),
    If {
        /// C++17 `if (init; cond)`; also a declaration used as a condition.
        init: Option<Box<Stmt>>,
        cond: Expr,
        then: Box<Stmt>,
        other: Option<Box<Stmt>>,
    },
    While {
        cond: Expr,
        body: Box<Stmt>,
    },
    /// `EACH(x, list) body`: a loop by a macro that nobody explained.
    MacroLoop {
        /// The macro's name, called with its arguments, or an unknown value of these.
        call: Expr,
        body: Box<Stmt>,
    },
    DoWhile {
        body: Box<Stmt>,
        cond: Expr,
    },
    For {
        init: Option<Box<Stmt>>,
        cond: Option<Expr>,
        step: Option<Expr>,
        body: Box<Stmt>,
    },
    /// C++ `for (decl : range)`.
    RangeFor {
        var: VarDecl,
        range: Expr,
        body: Box<Stmt>,
    },
    Switch {
        init: Option<Box<Stmt>>,
        value: Expr,
        body: Box<Stmt>,
    },
    /// `case a:` or GNU `case a ... b:`, followed by its statement.
    Case {
        low: Expr,
        high: Option<Expr>,
        body: Box<Stmt>,
    },
    Default(Box<Stmt>),
    Label(Symbol, Box<Stmt>),
    Goto(Symbol),
    /// `goto *expr`
    GotoComputed(Expr),
    Break,
    Continue,
    Return(Option<Expr>),
    /// C++ `try { } catch (T e) { }`.
    Try {
        body: Block,
        handlers: Vec<(Option<VarDecl>, Block)>,
    },
    /// Inline assembly; effects unknown. Output operands are listed.
    Asm(Vec<Expr>),
    /// Text that did not parse, up to the next point of recovery.
    Error(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expr {
    #[serde(deserialize_with = "nested")]
    pub kind: ExprKind,
    pub span: Span,
    pub in_macro: Symbol,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ExprKind {
    /// May be qualified in C++ (`std::cin`, `Class::member`).
    Ident(Symbol),
    Int {
        value: u64,
        unsigned: bool,
        /// 0 plain, 1 `l`, 2 `ll`
        longs: u8,
        /// Written in octal, hexadecimal or binary (which changes the type it may have).
        based: bool,
    },
    Float(f64),
    Char(i64),
    /// Contents after escapes, adjacent literals joined; bytes above 127 as Latin-1.
    Str {
        text: Symbol,
        len: u32,
        wide: bool,
    },
    Unary(UnaryOp, Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `&&` if true, else `||`.
    Logical {
        and: bool,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `a = b`, or `a op= b`.
    Assign(Option<BinaryOp>, Box<Expr>, Box<Expr>),
    /// The middle is missing in GNU `a ?: b`.
    Conditional(Box<Expr>, Option<Box<Expr>>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    Index(Box<Expr>, Box<Expr>),
    /// `base.name`, or `base->name` if `arrow`.
    Member {
        base: Box<Expr>,
        name: Symbol,
        arrow: bool,
    },
    Cast(Box<TypeName>, Box<Expr>),
    CompoundLiteral(Box<TypeName>, Box<Init>),
    SizeofExpr(Box<Expr>),
    SizeofType(Box<TypeName>),
    AlignofType(Box<TypeName>),
    /// GNU `({ ... })`
    StmtExpr(Block),
    Comma(Box<Expr>, Box<Expr>),
    VaArg(Box<Expr>, Box<TypeName>),
    Offsetof(Box<TypeName>, Vec<Designator>),
    /// `_Generic`: controlling expression, (type or default, expression).
    Generic(Box<Expr>, Vec<(Option<TypeName>, Expr)>),
    /// GNU `&&label`
    LabelAddr(Symbol),
    This,
    New {
        ty: Box<TypeName>,
        /// `new T[count]`
        count: Option<Box<Expr>>,
        args: Vec<Expr>,
        /// `new (std::nothrow) T`: returns null on failure.
        nothrow: bool,
    },
    Delete {
        array: bool,
        value: Box<Expr>,
    },
    Throw(Option<Box<Expr>>),
    /// C++ functional cast or construction: `T(args)`, `T{args}`.
    Construct(Box<TypeName>, Vec<Expr>),
    /// A lambda; its body is analysed as a function of its own if `name` is not empty.
    Lambda(Symbol),
    /// Did not parse, or not modelled; what could be read of it is kept for its effects.
    Unknown(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnaryOp {
    Plus,
    Minus,
    BitNot,
    Not,
    Deref,
    AddrOf,
    PreInc,
    PreDec,
    PostInc,
    PostDec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BinaryOp {
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
}
